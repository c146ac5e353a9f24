import { execFile, type ExecFileException } from 'node:child_process';

export type Log = (line: string) => void;

interface ToolOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Told every few seconds, so that a long download is never silent. */
  log?: Log;
  what?: string;
  timeoutMs?: number;
}

const REMINDER_MS = 5_000;

/** Runs a program to its end and returns what it printed. @throws Error with the last lines of its complaint. */
export async function runTool(command: string, args: string[], options: ToolOptions = {}): Promise<string> {
  const started = performance.now();
  const reminder = setInterval(() => {
    options.log?.(`${options.what ?? command}: still at it after ${seconds(started)} s`);
  }, REMINDER_MS);
  try {
    return await new Promise((resolve, reject) => {
      const settings = {
        cwd: options.cwd,
        env: options.env ?? process.env,
        timeout: options.timeoutMs ?? 15 * 60_000,
        maxBuffer: 64 * 1024 * 1024,
      };
      const tool = execFile(command, args, settings, (error, stdout, stderr) => {
        process.removeListener('exit', endWithUs);
        if (error) reject(new Error(complaint(command, args, error, stderr)));
        else resolve(stdout);
      });
      const endWithUs = (): void => void tool.kill();
      process.once('exit', endWithUs);
    });
  } finally {
    clearInterval(reminder);
  }
}

function complaint(command: string, args: string[], error: ExecFileException, stderr: string): string {
  if (error.code === 'ENOENT') return `${command} is not installed`;
  const told = stderr.trim().split('\n').slice(-3).join(' | ');
  return `${command} ${args[0] ?? ''} failed: ${told || error.message}`;
}

const seconds = (since: number): number => Math.round((performance.now() - since) / 1000);
