import { type ErrorDetail, type PipelineDefinition, type WebhookTarget } from '@tauro/domain';
import { webhookUrlFault } from '../webhook/webhook-url.js';

const FIELD = 'config.notifications';

/** What is wrong with a definition's notifications beyond their shape. */
export function notificationFaults({ config }: PipelineDefinition): ErrorDetail[] {
  const settings = config?.notifications;
  if (!settings) return [];
  const { webhook, on_sla_miss, sla_seconds } = settings;
  const faults: ErrorDetail[] = [];
  if (on_sla_miss && sla_seconds === undefined) {
    const message = `${FIELD}.on_sla_miss: needs sla_seconds, which says when a run is late`;
    faults.push({ field: `${FIELD}.sla_seconds`, message, type: 'missing' });
  }
  const webhooks: [string, WebhookTarget][] = Array.isArray(webhook)
    ? webhook.map((one, i) => [`${FIELD}.webhook.${i}`, one])
    : webhook
      ? [[`${FIELD}.webhook`, webhook]]
      : [];
  for (const [field, one] of webhooks) {
    if ('secret' in one) {
      const message = `${field}.secret: a definition may be read, so it holds no secret; give it in the notifications of the project, for the same URL`;
      faults.push({ field: `${field}.secret`, message, type: 'extra_forbidden' });
    }
    const fault = webhookUrlFault(one.url);
    if (fault) faults.push({ field: `${field}.url`, message: `${field}.url: ${fault}`, type: 'value_error' });
  }
  return faults;
}
