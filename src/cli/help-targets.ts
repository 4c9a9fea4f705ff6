/** The text of `econtext help targets`. At most 80 columns wide. */
export const TARGETS_HELP = `What a TARGET may be. Quote it for the shell.

One target:
  local                  this machine
  web1, user@web1, ssh://user@web1:2222, [::1]
                         a host, as for ssh
  bastion/web1/sudo:root a path: each word is opened through the one before it

Sets of targets, also in any word of a path (bastion/web[1-9]/sudo:root):
  web[01-20,30]          ranges; numbers keep their zeros
  web[0-10/2]            with a step
  db[1-3]-[a-b]          letters, and each combination
  {web,db}1              words
  a,b   a!b   a&b   a^b  both; a without b; what is in both; in one of both
  @web                   a group of econtext.toml; @* is all that the file names
  @hosts.txt             a file with a set on each line, and # comments
  web*                   names of econtext.toml that are like this
  -                      sets on standard input
  "a,b"                  one name, in quotes of its own

Operators are read from left to right. The words of a command line are one set:
'web[1-9]' '!web3'. A target of several sets is used once; where all words are
plain names, web1 web1 means two contexts.

Options:
  --hosts FILE           also the targets of a file; -: standard input
  --limit SET            only those that are in SET, or not in it: '!web3'

docs/guide.md says more, and where pdsh reads a set differently.
`;
