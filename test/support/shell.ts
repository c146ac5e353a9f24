import { spawn } from 'node:child_process';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface ProgramOptions {
  timeoutSeconds?: number;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** Runs a program to its end with a text on its standard input, and kills it when it takes too long. */
export function runProgram(
  [program, ...args]: [string, ...string[]],
  input: string,
  { timeoutSeconds = 150, ...options }: ProgramOptions = {},
): Promise<Ended> {
  const child = spawn(program, args, { ...options, timeout: timeoutSeconds * 1000, killSignal: 'SIGKILL' });
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (out[name] += text));
  }
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...out }));
  });
}
