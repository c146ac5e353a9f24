import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const JITI = join(dirname(createRequire(__filename).resolve('jiti/package.json')), 'lib/jiti-cli.mjs');

// Each starts a process that compiles what it imports.
jest.setTimeout(30_000);

describe('logStream', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'tauro-log-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A process that has a log stream, and does this with it. */
  function run(code: string): ChildProcess {
    const script = join(folder, 'script.ts');
    writeFileSync(
      script,
      `import { logStream } from ${JSON.stringify(join(__dirname, 'log-stream.ts'))};\n${code}`,
    );
    return spawn(process.execPath, [JITI, script], { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  it('writes what is left when the process ends', async () => {
    const file = join(folder, 'api.log');
    const child = run(`const log = logStream(${JSON.stringify(file)});
      log.once('ready', () => { log.write('one\\n'); log.write('two\\n'); process.exit(3); });`);
    expect(await once(child, 'exit')).toEqual([3, null]);
    // The first may still be on its way to the file when the second is written at once.
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(lines.sort()).toEqual(['', 'one', 'two']);
  });

  it.each([
    ['nobody reads any more', '1'],
    ['the disk is full', JSON.stringify('/dev/full')],
  ])('lets the process end when %s', async (_, dest) => {
    const child = run(`const log = logStream(${dest});
      process.stdin.once('end', () => { log.write('one\\n'); log.write('two\\n'); process.exit(3); }).resume();`);
    child.stdout!.destroy();
    child.stdin!.end();
    expect(await once(child, 'exit')).toEqual([3, null]);
  });
});
