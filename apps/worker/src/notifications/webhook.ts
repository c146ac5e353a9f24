import { Injectable } from '@nestjs/common';
import { type Notification } from '@tauro/database';
import { WEBHOOK_PURPOSE } from '@tauro/domain';
import { NodeError, postJson } from '@tauro/nodes';
import { CannotUnseal, Env, unseal } from '@tauro/platform';
import { inSpan, SpanKind } from '@tauro/tracing';
import { createHmac } from 'node:crypto';
import { type Channel, Undeliverable } from './channel.js';

/** POSTs the message to a URL, signed when its webhook has a secret. */
@Injectable()
export class WebhookChannel implements Channel {
  constructor(private readonly env: Env) {}

  async send(notification: Notification): Promise<void> {
    const { _id, event, engine } = notification;
    const body = bodyOf(notification);
    // Of this attempt: a receiver refuses old ones, so that nobody can send a message again that he overheard.
    const timestamp = Math.floor(Date.now() / 1000).toString();
    const secret = this.secretOf(engine.sealed);
    const headers = {
      'x-tauro-event': event,
      'x-tauro-delivery': _id,
      'x-tauro-timestamp': timestamp,
      ...(secret !== null && { 'x-tauro-signature': `v1=${sign(secret, timestamp, body)}` }),
    };
    try {
      const attributes = { 'tauro.notification.id': _id, 'tauro.run.id': notification.run_id };
      const start = { parent: engine.traceparent, kind: SpanKind.CLIENT, attributes };
      await inSpan(`webhook ${event}`, start, (_span, traceparent) =>
        postJson(
          engine.to,
          body,
          { ...headers, ...(traceparent && { traceparent }) },
          {
            allowPrivate: this.env.EGRESS_ALLOW_PRIVATE,
            timeoutSeconds: this.env.NOTIFICATION_TIMEOUT_SECONDS,
          },
        ),
      );
    } catch (error) {
      const final = error instanceof NodeError && !error.retryable;
      throw final ? new Undeliverable(error.message) : error;
    }
  }

  private secretOf(sealed: string | null): string | null {
    if (sealed === null) return null;
    try {
      return unseal(this.env, WEBHOOK_PURPOSE, sealed);
    } catch (error) {
      throw error instanceof CannotUnseal ? new Undeliverable(`webhook.secret: ${error.message}`) : error;
    }
  }
}

/** The body, byte for byte the same in every attempt. */
export const bodyOf = ({ _id, event, created_at, data }: Notification): string =>
  JSON.stringify({ id: _id, event, created_at: created_at.toISOString(), data });

/** HMAC-SHA256, in hex, of the timestamp, a full stop and the body. */
export const sign = (secret: string, timestamp: string, body: string): string =>
  createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
