import { posix } from 'node:path';
import picomatch from 'picomatch';
import { NodeError } from '../node-kind.js';
import { endingsAsked } from '../tables/file-format.js';
import { fileOf, type ServerFile, type SftpFiles } from './client.js';

const GLOB = /[*?[\]{}()!+@\\]/;

/**
 * The files that a source's path names, in the order of their names: one, all in a folder that end like data, or those
 * that match a glob; hidden ones only where they are asked for. @throws NodeError when there is none
 */
export async function filesNamed(files: SftpFiles, path: string, format: unknown): Promise<ServerFile[]> {
  const whole = await files.absolute(path);
  const found = await files.stat(whole);
  if (found?.isFile()) return [fileOf(whole, found)];
  if (found?.isDirectory()) {
    const endings = endingsAsked(format);
    const isData = (key: string): boolean => {
      const name = posix.basename(key).toLowerCase();
      return (
        !isHidden(whole, key) && !name.startsWith('_') && endings.some((ending) => name.endsWith(ending))
      );
    };
    return orMissing(
      await files.list(whole, isData),
      path,
      ' in it that ends like data; set format, or name files by a glob',
    );
  }
  if (!GLOB.test(path)) return orMissing([], path, '');
  const matches = picomatch(whole, { nonegate: true });
  // Everything before the first part that says more than itself.
  const parts = whole.split('/');
  const folder =
    parts
      .slice(
        0,
        parts.findIndex((part) => GLOB.test(part)),
      )
      .join('/') || '/';
  if (!(await files.stat(folder))?.isDirectory()) return orMissing([], path, '');
  return orMissing(await files.list(folder, (key) => matches(key)), path, '');
}

const isHidden = (folder: string, key: string): boolean =>
  posix
    .relative(folder, key)
    .split('/')
    .some((part) => part.startsWith('.'));

function orMissing(found: ServerFile[], path: string, why: string): ServerFile[] {
  if (found.length > 0) return found;
  throw new NodeError('FileNotFound', `'${path}': there is no file${why}`, false);
}
