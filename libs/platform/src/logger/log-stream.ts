import { SonicBoom } from 'sonic-boom';

/** More unwritten text than that is dropped: a reader that stands still must not fill the memory. */
const MAX_UNWRITTEN_BYTES = 16 * 1024 * 1024;
/** For a slow reader, when the process ends. */
const LAST_WORDS_MS = 2000;

/**
 * Writes log lines while the process does its work, and what is left when it ends. It never keeps a process from
 * ending: what cannot be written then (nobody reads any more, the disk is full) is given up.
 * @param dest the path of a file, or the number of an open one (1 is standard output).
 */
export function logStream(dest: string | number): SonicBoom {
  let patience = Infinity;
  const stream = new SonicBoom({
    dest,
    append: true,
    sync: false,
    maxLength: MAX_UNWRITTEN_BYTES,
    retryEAGAIN: () => Date.now() < patience,
  });
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Nobody reads any more, and nobody will.
    if (error.code === 'EPIPE') stream.write = () => true;
  });
  const lastWords = (): void => {
    patience = Date.now() + LAST_WORDS_MS;
    try {
      stream.flushSync();
    } catch {
      // Whoever would read of it reads nothing.
    }
  };
  process.once('exit', lastWords);
  stream.once('close', () => process.off('exit', lastWords));
  return stream;
}
