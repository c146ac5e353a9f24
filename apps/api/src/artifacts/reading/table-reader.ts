import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DomainError } from '@tauro/domain';
import { type LineFormat, type TablePage } from '@tauro/nodes';
import { CallFailed, ProcessEnded, ProcessPool, ProcessUnusable } from '@tauro/processes';
import { join } from 'node:path';
import { type ReaderCall } from './reader-protocol.js';

/** `.js` in the build. */
const MODULE = join(__dirname, `reader-main${__filename.slice(-3)}`);
const HEAP_MB = 256;
/** What DuckDB may use, half of it again for what it does not count, and 256 MB for Node, the program and the libraries. */
const MAX_RSS_MB = 640;
/** All it may know of the environment: what it reads users made, and it needs no secret for it. */
const ENVIRONMENT = ['LD_LIBRARY_PATH', 'TMPDIR', 'TZ', 'SystemRoot', 'TEMP'];

/** Processes for each of the two: a download lasts as long as its client likes, and must not keep a page waiting. */
const AT_ONCE = 2;
/** Calls that are under way or wait for a process; more are told to come again. */
const IN_HAND = { page: 50, lines: 10 };
const COME_AGAIN_SECONDS = 5;

/**
 * Reads published tables in processes of its own, which end when nobody has asked for a while. Whatever is in a table, and
 * however much of it, costs this process no memory and delays no other request; a file that crashes the engine ends a
 * reader, and the next request gets another one.
 */
@Injectable()
export class TableReader implements OnApplicationShutdown {
  private readonly logger = new Logger(TableReader.name);
  private readonly pools = { page: this.newPool(), lines: this.newPool() };
  private readonly inHand = { page: 0, lines: 0 };

  /** Some rows of a table. @throws DomainError, or the signal's reason */
  async page(path: string, part: { offset: number; limit: number }, signal: AbortSignal): Promise<TablePage> {
    const call: ReaderCall = { ask: 'page', path, ...part };
    try {
      return JSON.parse(await this.run(call, signal).catch(this.onceMore(call, signal))) as TablePage;
    } catch (error) {
      throw this.inWords(error);
    }
  }

  /**
   * The whole table as text. @param write takes a piece; the next is made once it resolves.
   * @throws DomainError, or the signal's reason
   */
  async lines(
    path: string,
    format: LineFormat,
    write: (piece: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.run({ ask: 'lines', path, format }, signal, write);
    } catch (error) {
      throw this.inWords(error);
    }
  }

  /** After the last request was answered, or had to be given up. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all(Object.values(this.pools).map((pool) => pool.close()));
  }

  private async run(
    call: ReaderCall,
    signal: AbortSignal,
    write?: (piece: string) => Promise<void>,
  ): Promise<string> {
    const { ask } = call;
    if (this.inHand[ask] >= IN_HAND[ask]) {
      const message = 'Too many tables are being read at the moment; try again shortly';
      throw new DomainError('SERVICE_UNAVAILABLE', message, [], COME_AGAIN_SECONDS);
    }
    this.inHand[ask]++;
    try {
      return await this.pools[ask].run(call, {
        signal,
        log: (level, message) => this.logger.warn(`reader: ${level} ${message}`),
        progress: () => undefined,
        write,
      });
    } finally {
      this.inHand[ask]--;
    }
  }

  /**
   * A reader that idled may have died a moment ago, before anybody noticed and gave it a call. To look once more harms
   * nothing; a table that ends its reader ends two.
   */
  private onceMore(call: ReaderCall, signal: AbortSignal): (error: unknown) => Promise<string> {
    return (error) => {
      if (error instanceof ProcessEnded && error.ending.kind === 'exited') return this.run(call, signal);
      throw error;
    };
  }

  private newPool(): ProcessPool {
    const program = {
      module: MODULE,
      settings: {},
      env: Object.fromEntries(
        ENVIRONMENT.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
      ),
      heapMb: HEAP_MB,
      maxRssBytes: MAX_RSS_MB * 1024 * 1024,
      maxLogBytes: 64 * 1024,
    };
    const onStray = (message: string): void => this.logger.warn(`left behind by a reader: ${message}`);
    return new ProcessPool({ program, size: AT_ONCE, keepOne: false, onStray });
  }

  private inWords(error: unknown): unknown {
    if (error instanceof CallFailed) {
      return new DomainError('INTERNAL_ERROR', `The table cannot be read: ${error.message}`);
    }
    if (error instanceof ProcessUnusable) {
      this.logger.error(`no reader could be started: ${error.message}`);
      return new DomainError(
        'SERVICE_UNAVAILABLE',
        'The table cannot be read at the moment; try again shortly',
      );
    }
    if (!(error instanceof ProcessEnded)) return error;
    const { ending } = error;
    if (ending.kind === 'stopped') {
      return new DomainError('SERVICE_UNAVAILABLE', 'The server is stopping; try again shortly');
    }
    const why = ending.kind === 'outgrown' ? `used more than ${MAX_RSS_MB} MB of memory` : ending.how;
    const message = `The table cannot be read: its reader ${why}; it can be downloaded as parquet`;
    return new DomainError('INTERNAL_ERROR', message);
  }
}
