import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type Response } from 'express';
import { Gauge } from 'prom-client';

const streams = new Gauge({
  name: 'tauro_event_streams',
  help: 'Streams of server-sent events that clients read',
});

/** The streams that clients read at the moment. They would hold up a shutdown for ever, so it ends them. */
@Injectable()
export class OpenStreams implements OnModuleDestroy {
  private readonly open = new Set<AbortController>();

  /** A signal that fires when the client leaves or the process ends. */
  register(res: Response): AbortSignal {
    const stream = new AbortController();
    this.open.add(stream);
    streams.inc();
    res.once('close', () => {
      this.open.delete(stream);
      streams.dec();
      stream.abort();
    });
    return stream.signal;
  }

  get count(): number {
    return this.open.size;
  }

  onModuleDestroy(): void {
    for (const stream of this.open) stream.abort();
  }
}
