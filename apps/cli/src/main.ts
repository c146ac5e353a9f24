import { parseArgs } from 'node:util';

import { type Env, EnvError } from '@tauro/platform';

import { runDemo } from './demo/demo.js';
import { cliEnv, demoEnv, devEnv } from './cli-env.js';
import { KEYS_USAGE } from './keys/usage.js';
import { MIGRATE_USAGE } from './migrate/usage.js';
import { bringUp } from './supervisor/bring-up.js';
import { Shutdown } from './supervisor/shutdown.js';
import { Terminal } from './supervisor/terminal.js';
import { watchSources } from './supervisor/watch-sources.js';

const USAGE = `Usage: npm start | npm run dev | npm run demo [-- options]
       npm run migrate -- up | down | status | create <name>
       npm run keys -- create --name <name> --role <role>

  start                 embedded stores, the API and its workers
  dev                   the same, rebuilt and restarted when a source file changes
  demo                  the same, and a run of the daily_etl example with its result

  --exit                demo: end with code 0 after the run, or 1 when it failed
  --host, --port, --log-level   win over HOST, PORT and LOG_LEVEL
`;

/** Of the commands that have their own. */
const USAGES: Record<string, string> = { keys: KEYS_USAGE, migrate: MIGRATE_USAGE };

const COMMANDS = ['start', 'dev', 'demo'] as const;

interface CommandLine {
  command: (typeof COMMANDS)[number];
  exit: boolean;
}

/** @throws Error that names the argument which is not understood */
function commandLine(argv: string[]): CommandLine | 'help' {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      exit: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      host: { type: 'string' },
      port: { type: 'string' },
      'log-level': { type: 'string' },
    },
  });
  if (values.help) return 'help';
  const command = COMMANDS.find((name) => name === (positionals[0] ?? 'start'));
  if (!command || positionals.length > 1) throw new Error(`'${positionals.join(' ')}' is not a command`);
  return { command, exit: values.exit };
}

async function main(): Promise<void> {
  const terminal = new Terminal();
  const shutdown = new Shutdown(terminal);
  try {
    const [, , name, ...rest] = process.argv;
    // These two load the database, the others must not: a second of `npm start`.
    if (name === 'keys') return await (await import('./keys/keys.js')).keys(rest, { terminal, shutdown });
    if (name === 'migrate')
      return await (await import('./migrate/migrate.js')).migrate(rest, { terminal, shutdown });
    const asked = commandLine(process.argv.slice(2));
    if (asked === 'help') return void process.stdout.write(USAGE);
    const given = cliEnv(process.argv.slice(2));
    const env = { demo: demoEnv, dev: devEnv, start: (same: Env) => same }[asked.command](given);
    shutdown.listen();
    if (asked.command === 'demo') terminal.quiet = true;
    const deployment = await bringUp(env, { terminal, shutdown });
    if (env.RELOAD) watchSources({ deployment, terminal, shutdown });
    if (asked.command !== 'demo') return;

    const succeeded = await runDemo(deployment.url, env, terminal);
    if (asked.exit) return await shutdown.end(succeeded ? 0 : 1);
    terminal.say('The server keeps running; Ctrl-C stops it, the data stays.');
    terminal.quiet = false;
  } catch (error) {
    if (shutdown.signal.aborted) return shutdown.end(0);
    terminal.complain(plainly(error));
    await shutdown.end(1);
  }
}

/** What a person can put right needs no stack. */
function plainly(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code.startsWith('ERR_PARSE_ARGS')) {
    return `${error.message}\n\n${USAGES[process.argv[2] ?? ''] ?? USAGE}`;
  }
  const unexpected =
    error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  return error instanceof EnvError || !unexpected ? error.message : (error.stack ?? error.message);
}

void main();
