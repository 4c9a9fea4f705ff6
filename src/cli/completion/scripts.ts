/**
 * What `econtext completion SHELL` prints: a script that asks this program for candidates with each
 * press of the key. It gets the words up to the cursor, and answers a candidate a line: its text, a
 * tab, and its meaning.
 */

/**
 * The shell cuts words at the characters of COMP_WORDBREAKS. So the part of the word before the
 * last of them is taken from each candidate.
 */
const BASH = `_econtext() {
  local line=\${COMP_LINE:0:COMP_POINT} words word cut char value
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=\${words[\${#words[@]}-1]}
  cut=""
  for char in : = @; do
    if [[ $COMP_WORDBREAKS == *$char* && $word == *$char* ]]; then
      value=\${word%$char*}$char
      ((\${#value} > \${#cut})) && cut=$value
    fi
  done
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    COMPREPLY+=("\${value#"$cut"}")
  done < <("\${words[0]}" completion --for bash -- "\${words[@]:1}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[/:=,] ]] && compopt -o nospace
  return 0
}
complete -F _econtext econtext
`;

const ZSH = `#compdef econtext
_econtext() {
  local line value
  local -a done open
  for line in "\${(@f)$(\${words[1]} completion --for zsh -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    value=\${line%%$'\\t'*}
    [[ -z $value ]] && continue
    if [[ $value == *[/:=,] ]]; then open+=("$value"); else done+=("$value"); fi
  done
  (( \${#open} )) && compadd -S '' -- "\${open[@]}"
  (( \${#done} )) && compadd -- "\${done[@]}"
  return 0
}
if [[ "\${funcstack[1]}" == _econtext ]]; then _econtext "$@"; else compdef _econtext econtext; fi
`;

const FISH = `function __econtext_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] completion --for fish -- $words[2..-1] 2>/dev/null
end
complete -c econtext -f -a '(__econtext_complete)'
`;

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;

export type ShellName = keyof typeof SCRIPTS;

/** How the script is switched on for good. */
export const SETUP: Readonly<Record<ShellName, string>> = {
  bash: "echo 'source <(econtext completion bash)' >> ~/.bashrc",
  zsh: "echo 'source <(econtext completion zsh)' >> ~/.zshrc   (after compinit)",
  fish: "econtext completion fish > ~/.config/fish/completions/econtext.fish",
};
