/**
 * How the embedded ssh treats each option of ssh_config(5). docs/embedded-ssh.md shows this table,
 * and the docs check compares the two.
 *
 * - `honoured`: it does what ssh does.
 * - `refused`: a host with a value other than these is refused by the option's name.
 * - `meaningless`: nothing here is affected by it, as the note says.
 */
export type Treatment =
  | { readonly as: "honoured"; readonly note?: string }
  | { readonly as: "refused"; readonly unless: readonly string[]; readonly note: string }
  | { readonly as: "meaningless"; readonly note: string };

const honoured = (note?: string): Treatment =>
  note === undefined ? { as: "honoured" } : { as: "honoured", note };
const refused = (unless: readonly string[], note: string): Treatment => ({
  as: "refused",
  unless,
  note,
});
const meaningless = (note: string): Treatment => ({ as: "meaningless", note });

const READ_BY_SSH = "`ssh -G` applies it";
const NO_FORWARDING = "forwardings are cleared, unless a command line asks for them";
const NO_TERMINAL = "there is no interactive session";
const OVERRIDDEN = "overridden, as for the spawned ssh";
const SHARED = "contexts on one host share a connection without it";

export const OPTIONS: Readonly<Record<string, Treatment>> = {
  AddKeysToAgent: honoured(),
  AddressFamily: honoured(),
  BatchMode: honoured(),
  BindAddress: honoured(),
  BindInterface: refused(["none"], "a socket cannot be bound to an interface"),
  CanonicalDomains: honoured(READ_BY_SSH),
  CanonicalizeFallbackLocal: honoured(READ_BY_SSH),
  CanonicalizeHostname: honoured(READ_BY_SSH),
  CanonicalizeMaxDots: honoured(READ_BY_SSH),
  CanonicalizePermittedCNAMEs: honoured(READ_BY_SSH),
  CASignatureAlgorithms: meaningless("certificates of hosts are not offered"),
  CertificateFile: refused(["none"], "a certificate of a user cannot be offered"),
  ChannelTimeout: refused(["none"], "a connection is kept while it is used"),
  CheckHostIP: honoured("a key that is known for the address must be the same"),
  Ciphers: honoured("one that is named and lacking is refused"),
  ClearAllForwardings: honoured(),
  Compression: honoured(),
  ConnectionAttempts: honoured(),
  ConnectTimeout: honoured(),
  ControlMaster: meaningless(SHARED),
  ControlPath: meaningless(SHARED),
  ControlPersist: meaningless(SHARED),
  DynamicForward: refused([], "it forwards no ports, so leave out -D"),
  EnableEscapeCommandline: meaningless(NO_TERMINAL),
  EnableSSHKeysign: meaningless("HostbasedAuthentication is not tried"),
  EscapeChar: meaningless(NO_TERMINAL),
  ExitOnForwardFailure: meaningless(NO_FORWARDING),
  FingerprintHash: honoured(),
  ForkAfterAuthentication: meaningless(OVERRIDDEN),
  ForwardAgent: honoured(),
  ForwardX11: refused(["no"], "windows are not forwarded"),
  ForwardX11Timeout: meaningless("windows are not forwarded"),
  ForwardX11Trusted: meaningless("windows are not forwarded"),
  GatewayPorts: meaningless(NO_FORWARDING),
  GlobalKnownHostsFile: honoured("refused if a file name is in quotes"),
  GSSAPIAuthentication: meaningless("not tried; a host that takes nothing else says so"),
  GSSAPIDelegateCredentials: meaningless("GSSAPIAuthentication is not tried"),
  HashKnownHosts: honoured(),
  Host: honoured(READ_BY_SSH),
  HostbasedAcceptedAlgorithms: meaningless("HostbasedAuthentication is not tried"),
  HostbasedAuthentication: refused(["no"], "a host cannot vouch for its users"),
  HostKeyAlgorithms: honoured("certificates of hosts are not offered"),
  HostKeyAlias: honoured(),
  Hostname: honoured(READ_BY_SSH),
  IdentitiesOnly: honoured(),
  IdentityAgent: honoured(),
  IdentityFile: honoured("a key that a security key holds is not used"),
  IgnoreUnknown: honoured(READ_BY_SSH),
  Include: honoured(READ_BY_SSH),
  IPQoS: meaningless("the system's default is used; it concerns the speed only"),
  KbdInteractiveAuthentication: honoured(),
  KbdInteractiveDevices: refused([], "the server chooses its own devices"),
  KexAlgorithms: honoured("one that is named and lacking is refused"),
  KnownHostsCommand: honoured(),
  LocalCommand: meaningless(OVERRIDDEN),
  LocalForward: refused([], "it forwards no ports, so leave out -L"),
  LogLevel: honoured("ERROR, FATAL and QUIET hide a server's banner"),
  LogVerbose: meaningless("there is no log of the client"),
  MACs: honoured("one that is named and lacking is refused"),
  Match: honoured(READ_BY_SSH),
  NoHostAuthenticationForLocalhost: honoured(),
  NumberOfPasswordPrompts: honoured(),
  ObscureKeystrokeTiming: meaningless(NO_TERMINAL),
  PasswordAuthentication: honoured(),
  PermitLocalCommand: meaningless(OVERRIDDEN),
  PermitRemoteOpen: meaningless(NO_FORWARDING),
  PKCS11Provider: refused(["none"], "a provider cannot be loaded; an agent may hold its keys"),
  Port: honoured(),
  PreferredAuthentications: honoured("of publickey, keyboard-interactive and password"),
  ProxyCommand: honoured(),
  ProxyJump: honoured("contexts behind one jump host share the connection to it"),
  ProxyUseFdpass: refused(["no"], "a descriptor cannot be taken over"),
  PubkeyAcceptedAlgorithms: honoured("RSA keys sign with rsa-sha2-256"),
  PubkeyAuthentication: honoured(),
  RefuseConnection: refused([], "it is meant to refuse"),
  RekeyLimit: honoured(),
  RemoteCommand: meaningless(OVERRIDDEN),
  RemoteForward: refused([], "it forwards no ports, so leave out -R"),
  RequestTTY: meaningless(OVERRIDDEN),
  RequiredRSASize: honoured(),
  RevokedHostKeys: honoured("a text of public keys; a binary list is refused"),
  SecurityKeyProvider: meaningless("keys of security keys are not used"),
  SendEnv: honoured(),
  ServerAliveCountMax: honoured(),
  ServerAliveInterval: honoured(),
  SessionType: meaningless(OVERRIDDEN),
  SetEnv: honoured("refused if it is in quotes"),
  StdinNull: meaningless(OVERRIDDEN),
  StreamLocalBindMask: meaningless(NO_FORWARDING),
  StreamLocalBindUnlink: meaningless(NO_FORWARDING),
  StrictHostKeyChecking: honoured(),
  SyslogFacility: meaningless("there is no log of the client"),
  Tag: honoured(READ_BY_SSH),
  TCPKeepAlive: honoured(),
  Tunnel: refused(["false", "no"], "networks are not joined"),
  TunnelDevice: meaningless("networks are not joined"),
  UpdateHostKeys: honoured(
    "new keys are learned, old ones removed; `ask` is `no`, as for each command",
  ),
  User: honoured(),
  UserKnownHostsFile: honoured("refused if a file name is in quotes"),
  VerifyHostKeyDNS: refused(["false", "no"], "DNS is not asked for keys"),
  VersionAddendum: refused(["none"], "the version is that of the package ssh2"),
  VisualHostKey: meaningless("a picture of a key is not shown"),
  WarnWeakCrypto: meaningless("the docs say what is lacking"),
  XAuthLocation: meaningless("windows are not forwarded"),
};
