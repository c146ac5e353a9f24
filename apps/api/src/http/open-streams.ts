import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { DomainError } from '@tauro/domain';
import { type Response } from 'express';
import { Gauge } from 'prom-client';
import { currentContext, type Principal, type RequestContext } from '../auth/principal.js';

const streams = new Gauge({
  name: 'tauro_event_streams',
  help: 'Streams of server-sent events that clients read',
});

/** How long a stream may outlive what its reader was allowed. */
const LOOK_EVERY_MS = 5000;

/**
 * The streams that clients read at the moment. They would hold up a shutdown for ever, so it ends them; and so does the
 * loss of what their readers were allowed when they came, be it by a revoked key, an expired token or another role.
 */
@Injectable()
export class OpenStreams implements OnModuleDestroy {
  private readonly logger = new Logger(OpenStreams.name);
  private readonly open = new Map<AbortController, RequestContext | undefined>();
  private looking?: NodeJS.Timeout;

  /** A signal that fires when the client leaves, may not read any more, or the process ends. */
  register(res: Response): AbortSignal {
    const stream = new AbortController();
    this.open.set(stream, currentContext());
    streams.inc();
    res.once('close', () => {
      this.open.delete(stream);
      streams.dec();
      stream.abort();
    });
    this.lookLater();
    return stream.signal;
  }

  get count(): number {
    return this.open.size;
  }

  onModuleDestroy(): void {
    clearTimeout(this.looking);
    for (const stream of this.open.keys()) stream.abort();
  }

  private lookLater(): void {
    this.looking ??= setTimeout(() => {
      void this.endForbidden().finally(() => {
        this.looking = undefined;
        if (this.open.size > 0) this.lookLater();
      });
    }, LOOK_EVERY_MS).unref();
  }

  /** One after the other: hundreds of streams must not come down on the database at once. */
  private async endForbidden(): Promise<void> {
    for (const [stream, context] of [...this.open]) {
      if (!stream.signal.aborted && context && !(await this.isAsBefore(context))) stream.abort();
    }
  }

  private async isAsBefore({ principal, now }: RequestContext): Promise<boolean> {
    try {
      return !now || allowed(await now()) === allowed(principal);
    } catch (error) {
      // While a store is away nobody can tell, and nothing can be changed either.
      if (!(error instanceof DomainError) || error.code !== 'UNAUTHORIZED') return true;
      this.logger.log(`a stream of ${principal.id} ends: its credentials do not count any more`);
      return false;
    }
  }
}

/** Whoever is allowed something else than before has to come again. */
const allowed = ({ permissions, project_ids }: Principal): string =>
  JSON.stringify([[...permissions].sort(), project_ids && [...project_ids].sort()]);
