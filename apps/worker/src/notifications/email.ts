import { Injectable } from '@nestjs/common';
import { type Notification } from '@tauro/database';
import { Env } from '@tauro/platform';
import { type Channel, Undeliverable } from './channel.js';
import { textOf } from './email-text.js';

/** No fewer than messages may be under way at once: one that waited for a connection would lose the time it has. */
const CONNECTIONS = 4;

type Transport = Awaited<ReturnType<typeof connect>>;

/** Sends the message as plain text over the deployment's mail server. */
@Injectable()
export class EmailChannel implements Channel {
  private transport?: Promise<Transport>;

  constructor(private readonly env: Env) {}

  async send(notification: Notification): Promise<void> {
    const { SMTP_URL, SMTP_FROM, NOTIFICATION_TIMEOUT_SECONDS: seconds } = this.env;
    if (!SMTP_URL) throw new Undeliverable('SMTP_URL is not set on this worker, so it can send no email');
    // The client is loaded by a worker that sends mail, and only then.
    const transport = await (this.transport ??= connect(SMTP_URL, seconds));
    const sending = transport.sendMail({
      from: SMTP_FROM,
      to: { name: '', address: notification.engine.to },
      // The same for every attempt, so that a mailbox can tell that it has it already.
      messageId: `<${notification._id}@tauro>`,
      headers: {
        'X-Tauro-Event': notification.event,
        'X-Tauro-Delivery': notification._id,
        'Auto-Submitted': 'auto-generated',
      },
      ...textOf(notification),
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`the mail server did not take it within ${seconds} s`);
      timer = setTimeout(() => reject(error), seconds * 1000);
    });
    try {
      await Promise.race([sending, late]);
    } catch (error) {
      sending.catch(() => undefined);
      throw isRefused(error) ? new Undeliverable((error as Error).message) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    void this.transport?.then((transport) => transport.close());
  }
}

async function connect(url: string, seconds: number) {
  const { createTransport } = await import('nodemailer');
  const timeout = seconds * 1000;
  return createTransport({
    pool: true,
    url,
    maxConnections: CONNECTIONS,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    // A message holds text of ours only; nothing in it may name a file or a URL to be read.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

/** The mail server will never take this address; anything else, a login it refuses too, may be mended. */
function isRefused(error: unknown): boolean {
  const { code, responseCode = 0 } = error as { code?: string; responseCode?: number };
  return code === 'EENVELOPE' && responseCode >= 500;
}
