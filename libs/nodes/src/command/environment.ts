import { delimiter, join } from 'node:path';

/** What every command gets of the worker's environment. */
const INHERITED = ['PATH', 'LANG', 'TZ'];

/**
 * Names that make programs load code, or find another program than the one that was meant: with them, who may start
 * one allowed program could start any.
 */
const REFUSED = new Set([
  ...['PATH', 'IFS', 'ENV', 'BASH_ENV', 'SHELLOPTS', 'BASHOPTS', 'PS4', 'PROMPT_COMMAND'],
  ...['NODE_OPTIONS', 'NODE_PATH', 'NODE_CHANNEL_FD', 'ELECTRON_RUN_AS_NODE'],
  ...['PYTHONPATH', 'PYTHONHOME', 'PYTHONSTARTUP', 'PYTHONINSPECT', 'PYTHONUSERBASE'],
  ...['PERL5LIB', 'PERL5OPT', 'PERL5DB', 'RUBYLIB', 'RUBYOPT', 'CLASSPATH', 'PHPRC', 'LUA_INIT', 'R_PROFILE'],
  ...['JAVA_TOOL_OPTIONS', 'JDK_JAVA_OPTIONS', '_JAVA_OPTIONS', 'GCONV_PATH', 'LOCPATH', 'NLSPATH'],
  ...['EDITOR', 'VISUAL', 'PAGER', 'BROWSER', 'MANPAGER', 'PSQLRC'],
]);
const REFUSED_BEGINNINGS = ['LD_', 'DYLD_', 'GIT_', 'BASH_FUNC_', 'TAURO_'];

/**
 * Why a node may not set this variable; undefined when it may. Case does not matter: some systems ignore it.
 * @param contained in a container, which programs are in it is the image's to say
 */
export function refusedVariable(name: string, contained = false): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) return 'a name has letters, digits and _ only';
  const upper = name.toUpperCase();
  if (upper.startsWith('TAURO_')) return 'names that begin with TAURO_ are for what Tauro tells a command';
  if (contained) return undefined;
  if (REFUSED.has(upper) || REFUSED_BEGINNINGS.some((beginning) => upper.startsWith(beginning))) {
    return 'it would make programs load other code than was allowed; set it in a script that is on COMMANDS_ALLOWED';
  }
  return undefined;
}

/**
 * The whole environment of a command: nothing else of the worker's own reaches it.
 * @param scratch its own folder, which is its HOME and TMPDIR too, unless the node says otherwise
 */
export function environmentOf(
  named: Record<string, string | number | boolean>,
  scratch: string,
  told: Record<string, string>,
  own: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]]]));
  const texts = Object.entries(named).map(([name, value]) => [name, String(value)]);
  return {
    ...(Object.fromEntries(inherited) as Record<string, string>),
    HOME: scratch,
    TMPDIR: scratch,
    ...(Object.fromEntries(texts) as Record<string, string>),
    ...told,
  };
}

/** Where a program of this name may lie, in the order in which it is looked for. */
export const placesOnPath = (name: string, path = process.env['PATH'] ?? ''): string[] =>
  path
    .split(delimiter)
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, name));
