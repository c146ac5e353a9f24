import { type Notification, type Run } from '@tauro/database';
import { receiverOf, shownUrl } from '@tauro/domain';
import { traceparentOfRun } from '../run-trace.js';

/** A message to one target, to be sent at once. @param message.to an address or a URL. */
export const newNotification = (
  run: Run,
  {
    to,
    sealed,
    ...message
  }: Pick<Notification, '_id' | 'event' | 'channel' | 'data'> & { to: string; sealed: string | null },
): Notification => {
  const now = new Date();
  const traceparent = traceparentOfRun(run);
  return {
    ...message,
    target: message.channel === 'email' ? to : shownUrl(to),
    state: 'PENDING',
    attempt: 0,
    next_attempt_at: now,
    last_error: null,
    run_id: run._id,
    project_id: run.project_id,
    pipeline_id: run.pipeline_id,
    schedule_id: run.schedule_id,
    created_at: now,
    updated_at: now,
    sent_at: null,
    expires_at: null,
    engine: {
      to,
      receiver: receiverOf(message.channel, to),
      sealed,
      claim: null,
      tries: 0,
      retention_days: run.engine.retention_days,
      ...(traceparent && { traceparent }),
    },
  };
};
