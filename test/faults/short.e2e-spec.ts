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

/** Plays faults as `npm run test:faults` does: in a process of its own, which the suite's sandbox cannot be. */
function play(...names: string[]): Promise<string> {
  const child = spawn(process.execPath, [JITI, 'test/faults/run.ts', '--short', ...names], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ending = (): void => void child.kill('SIGTERM');
  process.once('exit', ending);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      process.off('exit', ending);
      resolve(Buffer.concat(chunks).toString());
    });
  });
}

/** What was found broken under a fault. */
const brokenUnder = (name: string, output: string): string[] =>
  output.split('\n').filter((line) => line.startsWith(`BROKEN ${name}: `));

/** Whether all that is to complain of is that the fault has hit nothing. */
const isUnproven = (broken: string[]): boolean =>
  broken.length > 0 && broken.every((line) => line.includes(': nothing was proven: '));

describe('what the engine promises holds', () => {
  // All in one process, so that stores are brought up once.
  let played: string;
  beforeAll(async () => {
    played = await play();
  }, 900_000);

  it.each(NAMES)('under %s', async (name) => {
    let output = played;
    let broken = brokenUnder(name, output);
    // On a busy machine a fault may hit nothing: then it is brought about once more, and what the full run demands is
    // not demanded here. A broken promise is never passed over.
    if (isUnproven(broken)) {
      output = await play(name);
      broken = brokenUnder(name, output);
    }
    const row = new RegExp(`^\\| ${name} +\\| .* \\| .*lost 0, double terminal 0`, 'm');
    if ((broken.length === 0 || isUnproven(broken)) && row.test(output)) return;
    throw new Error(`${broken.join('\n')}\n${output.slice(-20_000)}`);
  });

  it('under every fault that there is', async () => {
    const listed = /there are (.*)/.exec(await play('no-such-fault'))?.[1]?.split(', ');
    expect(listed).toEqual(NAMES);
  });
});
