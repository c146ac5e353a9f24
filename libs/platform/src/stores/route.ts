import { type Log } from './run-tool.js';

/** A server program that can be started. */
export interface ServerBinary {
  path: string;
  /** Folders of shared libraries that it needs beyond the system's. */
  libraryPath?: string[];
  /** Where it comes from, for the log: `on PATH`, `official download`, ... */
  origin: string;
}

/** One way to get a server program. */
export interface Route {
  name: string;
  /** @throws Error that says why this way is closed. */
  find(): Promise<ServerBinary>;
}

/**
 * Takes the first route that is open, and logs in one line which it is and why a better one was not.
 * @throws Error that tells what every route said, and `advice`
 */
export async function firstOpen(
  what: string,
  routes: Route[],
  advice: string,
  log: Log,
): Promise<ServerBinary> {
  const closed: string[] = [];
  for (const route of routes) {
    try {
      const binary = await route.find();
      log(`${what}: ${binary.path} (${[binary.origin, ...closed].join('; ')})`);
      return binary;
    } catch (error) {
      closed.push(`${route.name}: ${(error as Error).message}`);
    }
  }
  throw new Error([`No way to get ${what}:`, ...closed.map((reason) => `  ${reason}`), advice].join('\n'));
}
