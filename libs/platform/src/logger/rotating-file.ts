import { mkdirSync, readdirSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { dirname, join, parse } from 'node:path';

import { type DestinationStream } from 'pino';

import { logStream } from './log-stream.js';

interface Rotation {
  /** Bytes at which the file is put aside. */
  maxBytes: number;
  /** Milliseconds after which a file that was put aside is removed. */
  keepMs: number;
}

/**
 * A log file that keeps its name: when it is full it is renamed to `<name>.<time>.<ext>` and begun anew. Several
 * processes may append to the same file: each looks at the real size before it renames, and follows a rename by
 * another. (pino-roll numbers the current file and keeps by count; `logs/api.log` and "30 days" need neither.)
 */
export function rotatingFile(path: string, { maxBytes, keepMs }: Rotation): DestinationStream {
  mkdirSync(dirname(path), { recursive: true });
  const file = logStream(path);
  let written = sizeOf(path);
  removeOld(path, keepMs);
  file.on('error', (error: Error) => process.stderr.write(`log file ${path}: ${error.message}\n`));
  file.on('write', (bytes: number) => {
    written += bytes;
    if (written < maxBytes) return;
    written = 0;
    // Not in the middle of a write: the rest of a half-written line belongs to the old file.
    file.once('drain', () => {
      if (sizeOf(path) >= maxBytes) renameSync(path, asideName(path, new Date()));
      file.reopen();
      written = sizeOf(path);
      removeOld(path, keepMs);
    });
  });
  return file;
}

function asideName(path: string, now: Date): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.${now.toISOString().replaceAll(':', '-')}${ext}`);
}

function removeOld(path: string, keepMs: number): void {
  const { dir, name, ext } = parse(path);
  for (const entry of readdirSync(dir || '.')) {
    const stamp = entry.slice(name.length + 1, entry.length - ext.length);
    const isAside = entry === `${name}.${stamp}${ext}` && /^\d{4}-\d\d-\d\dT[\d.-]+Z$/.test(stamp);
    const aside = join(dir, entry);
    if (isAside && Date.now() - modifiedAt(aside) > keepMs) unlinkIfThere(aside);
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
const modifiedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
