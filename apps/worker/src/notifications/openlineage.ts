import { Injectable } from '@nestjs/common';
import { type Notification } from '@tauro/database';
import { NodeError, postJson } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { inSpan, SpanKind } from '@tauro/tracing';
import { type Channel, Undeliverable } from './channel.js';

/** POSTs an event to the collector of lineage, as that standard wants it: the event alone is the body. */
@Injectable()
export class OpenLineageChannel implements Channel {
  constructor(private readonly env: Env) {}

  async send({ _id, event, run_id, data, engine }: Notification): Promise<void> {
    const { OPENLINEAGE_API_KEY: key, EGRESS_ALLOW_PRIVATE, NOTIFICATION_TIMEOUT_SECONDS } = this.env;
    const attributes = { 'tauro.notification.id': _id, 'tauro.run.id': run_id };
    const start = { parent: engine.traceparent, kind: SpanKind.CLIENT, attributes };
    try {
      await inSpan(`openlineage ${event}`, start, (_span, traceparent) =>
        postJson(
          engine.to,
          JSON.stringify(data),
          { ...(key && { authorization: `Bearer ${key}` }), ...(traceparent && { traceparent }) },
          { allowPrivate: EGRESS_ALLOW_PRIVATE, timeoutSeconds: NOTIFICATION_TIMEOUT_SECONDS },
        ),
      );
    } catch (error) {
      const final = error instanceof NodeError && !error.retryable;
      throw final ? new Undeliverable(error.message) : error;
    }
  }
}
