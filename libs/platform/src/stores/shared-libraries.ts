import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { type DebianPackages } from './debian.js';
import { runTool } from './run-tool.js';

const LIBRARY = /^lib[a-z0-9]/;
/** Never taken from a package: these must be the ones that the running system's loader belongs to. */
const OF_THE_SYSTEM = /^(libc6|libgcc-s1|libcrypt1)$/;

/** Where unpacked Debian packages have their shared libraries, on any architecture. */
export function libraryFolders(folder: string): string[] {
  return ['usr/lib', 'lib'].flatMap((lib) => {
    const path = join(folder, lib);
    return [
      path,
      ...subfolders(path)
        .filter((name) => name.endsWith('-linux-gnu'))
        .map((name) => join(path, name)),
    ];
  });
}

function subfolders(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? entry.name : [],
    );
  } catch {
    return [];
  }
}

/**
 * Adds to `folder` the libraries that a program lacks: those among `packages`, then those that these depend on, and
 * so on, until nothing is lacking. Usually nothing is, and then nothing is fetched.
 * @param also further folders that hold libraries already
 * @throws Error that names the libraries which no package brought
 */
export async function completeLibraries(
  binary: string,
  { folder, packages, also = [] }: { folder: string; packages: string[]; also?: string[] },
  debian: DebianPackages,
): Promise<void> {
  const taken = new Set<string>();
  const wanted = (names: string[]): string[] =>
    names.filter((name) => LIBRARY.test(name) && !OF_THE_SYSTEM.test(name) && !taken.has(name));
  let level = packages;
  for (;;) {
    const lacking = await missingLibraries(binary, [...also, ...libraryFolders(folder)]);
    if (lacking.length === 0) return;
    const next = wanted(level).length > 0 ? wanted(level) : wanted(await debian.dependencies(level));
    if (next.length === 0) throw new Error(`shared libraries are missing: ${lacking.join(', ')}`);
    await debian.unpack(next, folder);
    for (const name of next) taken.add(name);
    level = next;
  }
}

async function missingLibraries(binary: string, libraryPath: string[]): Promise<string[]> {
  const env = { ...process.env, LD_LIBRARY_PATH: libraryPath.join(':') };
  const told = await runTool('ldd', [binary], { env });
  return [...told.matchAll(/^\s*(\S+) => not found$/gm)].map((match) => match[1]!);
}
