// Whether node_modules and dist still belong to the files of this checkout. By content, because a clone, a checkout
// or an unpacked archive gives files any date.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Whether a package of the lockfile is absent, or installed in another version. */
export function needsInstall(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(join(root, 'node_modules/.package-lock.json'));
  return Object.entries(wanted).some(([path, { version, optional, devOptional }]) => {
    if (path === '') return false;
    const found = installed[path];
    return found ? found.version !== version : !(optional || devOptional);
  });
}

function packagesOf(lockfile) {
  try {
    return JSON.parse(readFileSync(lockfile, 'utf8')).packages;
  } catch {
    return {};
  }
}

const SOURCES = [
  'apps',
  'libs',
  'nest-cli.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'package-lock.json',
];
const STAMP = 'dist/.tauro-sources';
const ENTRY = 'dist/apps/cli/src/main.js';

/** The digest of the sources when dist was not made of them, else undefined. */
export function needsBuild(root) {
  const hash = createHash('sha256');
  for (const path of SOURCES.flatMap((name) => filesIn(root, name))) {
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  const digest = hash.digest('hex');
  const stamp = join(root, STAMP);
  const made = existsSync(join(root, ENTRY)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest;
  return made ? undefined : digest;
}

/** After a successful build: dist was made of the sources with this digest. */
export function rememberBuild(root, digest) {
  writeFileSync(join(root, STAMP), digest);
}

function filesIn(root, name) {
  const path = join(root, name);
  if (!existsSync(path)) return [];
  if (!/^(apps|libs)/.test(name)) return [name];
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.spec.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
    .sort();
}

// `npm run build` ends with this, so that whatever comes next does not build again.
if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = resolve('.');
  const digest = needsBuild(root);
  if (digest) rememberBuild(root, digest);
}
