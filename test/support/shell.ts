import { spawn } from 'node:child_process';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end with a text on its standard input, and kills it when it takes too long. */
export function runProgram(command: string[], input: string, timeoutSeconds = 100): Promise<Ended> {
  const child = spawn(command[0]!, command.slice(1), {
    timeout: timeoutSeconds * 1000,
    killSignal: 'SIGKILL',
  });
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
