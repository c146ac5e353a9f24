import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ROOT } from '../support/server-process.js';

const JITI = join(
  dirname(createRequire(join(ROOT, 'package.json')).resolve('jiti/package.json')),
  'lib/jiti-cli.mjs',
);
const NAMES = [
  'kill-worker',
  'freeze-worker',
  'redis',
  'mongodb',
  'double-delivery',
  'cancel',
  'rolling-restart',
  'bad-handlers',
  'schedules',
];

/** Plays one fault as `npm run test:faults` does: in a process of its own, which the suite's sandbox cannot be. */
function play(name: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [JITI, 'test/faults/run.ts', '--short', name], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ending = (): void => void child.kill('SIGTERM');
  process.once('exit', ending);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('exit', ending);
      resolve({ code, output: Buffer.concat(chunks).toString() });
    });
  });
}

/** Whether all that is to complain of is that the fault has hit nothing. */
function isUnproven(output: string): boolean {
  const broken = output.match(/^BROKEN .*$/gm) ?? [];
  return broken.length > 0 && broken.every((line) => line.includes(': nothing was proven: '));
}

describe('what the engine promises holds', () => {
  it.each(NAMES)('under %s', async (name) => {
    let { code, output } = await play(name);
    // On a busy machine a fault may hit nothing: then it is brought about once more, and what the full run demands is
    // not demanded here. A broken promise is never passed over.
    for (let tries = 1; tries < 2 && isUnproven(output); tries++) ({ code, output } = await play(name));
    if (code !== 0 && !isUnproven(output)) throw new Error(`exit ${code}\n${output.slice(-20_000)}`);
    expect(output).toMatch(new RegExp(`^\\| ${name} \\| .* \\| .*lost 0, double terminal 0`, 'm'));
  });

  it('under every fault that there is', async () => {
    const { output } = await play('no-such-fault');
    const listed = /there are (.*)/.exec(output)?.[1]?.split(', ');
    expect(listed).toEqual(NAMES);
  });
});
