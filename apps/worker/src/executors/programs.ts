import { join } from 'node:path';

/** `.js` in the build, `.ts` where specs start programs from their source. */
const EXTENSION = __filename.slice(-3);

/** The module of a program of this folder. */
export const programFile = (name: string): string => join(__dirname, `${name}${EXTENSION}`);

/** What `@tauro/<room>` means to a process that is not part of the build. */
export const sourceFile = (room: string): string =>
  join(__dirname, `../../../../libs/${room}/src/index${EXTENSION}`);

/** Bytes of log that one attempt may write. */
export const MAX_LOG_BYTES = 10 * 1024 * 1024;
