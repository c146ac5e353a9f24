const HIDDEN = '[redacted]';

const NAME = String.raw`[\w.-]*(?:authorization|api[-_]?key|cookie|passw(?:or)?d|secret|token)[\w.-]*`;
/** A JSON member whose name says that its value is a secret; the value is a string or a flat list. */
const MEMBER = new RegExp(String.raw`("${NAME}"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\])`, 'gi');
/** The same within a string that holds JSON. */
const QUOTED_MEMBER = new RegExp(String.raw`(\\"${NAME}\\"\s*:\s*)\\"[^"]*\\"`, 'gi');
/** `user:password@` or `:password@` of a URL. */
const USERINFO = /(:\/\/)[^\s/@"]*:[^\s/@"]*@/g;
const CREDENTIALS = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;
/** Cheap to ask of every line, and false for nearly all of them. */
const SUSPICIOUS = /authorization|api[-_]?key|cookie|passw|secret|token|:\/\/|bearer|basic /i;

/**
 * Hides secrets in a finished log line: members with a telling name at any depth, the userinfo of URLs, and
 * bearer or basic credentials. It works on the line because that also covers messages, stacks and nested causes.
 */
export function redact(line: string): string {
  if (!SUSPICIOUS.test(line)) return line;
  return line
    .replace(MEMBER, `$1"${HIDDEN}"`)
    .replace(QUOTED_MEMBER, `$1\\"${HIDDEN}\\"`)
    .replace(USERINFO, `$1${HIDDEN}@`)
    .replace(CREDENTIALS, `$1 ${HIDDEN}`);
}
