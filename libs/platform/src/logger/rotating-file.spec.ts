import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type SonicBoom } from 'sonic-boom';

import { rotatingFile } from './rotating-file.js';

const DAY = 86_400_000;
const line = (n: number): string => JSON.stringify({ n, padding: 'x'.repeat(80) }) + '\n';

describe('rotatingFile', () => {
  let folder: string;
  const files: SonicBoom[] = [];
  const open = (maxBytes: number): SonicBoom => {
    const file = rotatingFile(join(folder, 'logs', 'api.log'), { maxBytes, keepMs: 30 * DAY }) as SonicBoom;
    files.push(file);
    return file;
  };
  const write = async (file: SonicBoom, text: string): Promise<void> => {
    const drained = once(file, 'drain');
    file.write(text);
    await drained;
  };
  const names = (): string[] => readdirSync(join(folder, 'logs')).sort();
  const content = (name: string): string => readFileSync(join(folder, 'logs', name), 'utf8');

  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'tauro-log-'))));
  afterEach(() => {
    for (const file of files.splice(0)) file.destroy();
    rmSync(folder, { recursive: true });
  });

  it('puts a full file aside and goes on under the same name, losing nothing', async () => {
    const file = open(250);
    await once(file, 'ready');
    for (let n = 0; n < 4; n++) await write(file, line(n));
    const aside = names().filter((name) => name !== 'api.log');
    expect(aside).toEqual([expect.stringMatching(/^api\.\d{4}-.*Z\.log$/)]);
    expect(content(aside[0]!) + content('api.log')).toBe([0, 1, 2, 3].map(line).join(''));
  });

  it('is shared: another process follows the rename instead of making its own', async () => {
    const [one, other] = [open(250), open(250)];
    await Promise.all([once(one, 'ready'), once(other, 'ready')]);
    await write(other, line(0));
    for (let n = 1; n < 4; n++) await write(one, line(n));
    for (let n = 4; n < 6; n++) await write(other, line(n));
    const all = names().map(content).join('');
    expect([0, 1, 2, 3, 4, 5].filter((n) => !all.includes(line(n)))).toEqual([]);
    expect(names().length).toBeLessThanOrEqual(3);
  });

  it('removes what was put aside too long ago, and nothing else', async () => {
    await once(open(1000), 'ready');
    const logs = join(folder, 'logs');
    const old = 'api.2020-01-01T00-00-00.000Z.log';
    for (const name of [old, 'api.2020-01-02T00-00-00.000Z.log', 'api.notes.log', 'worker.log']) {
      writeFileSync(join(logs, name), 'x');
    }
    for (const name of [old, 'api.notes.log']) utimesSync(join(logs, name), 0, 0);
    await once(open(1000), 'ready');
    expect(names()).not.toContain(old);
    expect(names()).toEqual(
      expect.arrayContaining(['api.2020-01-02T00-00-00.000Z.log', 'api.notes.log', 'worker.log']),
    );
  });
});
