import {
  EMAIL_PATTERN,
  type ErrorDetail,
  listOf,
  type PipelineDefinition,
  type WebhookTarget,
} from '@tauro/domain';
import { webhookUrlFault } from '../webhook/webhook-url.js';

const FIELD = 'config.notifications';

/** What is wrong with a definition's notifications beyond their shape. */
export function notificationFaults({ config }: PipelineDefinition): ErrorDetail[] {
  const settings = config?.notifications;
  if (!settings) return [];
  const { webhook, email, on_sla_miss, sla_seconds } = settings;
  return [
    ...(on_sla_miss && sla_seconds === undefined
      ? [fault('sla_seconds', 'is needed with on_sla_miss: it says when a run is late', 'missing')]
      : []),
    ...each('email', email).flatMap(([field, address]) => emailFaults(field, address)),
    ...each('webhook', webhook).flatMap(([field, one]) => webhookFaults(field, one)),
  ];
}

/** The shape does not judge a string that holds a template, since elsewhere it may become anything. */
function emailFaults(field: string, address: string): ErrorDetail[] {
  if (EMAIL_PATTERN.test(address)) return [];
  return [fault(field, 'must be an email address such as alerts@example.com; templates are not filled in')];
}

function webhookFaults(field: string, webhook: WebhookTarget): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  if ('secret' in webhook) {
    const message =
      'is not kept in a definition, which may be read; give it in the notifications of the project, for the same URL';
    faults.push(fault(`${field}.secret`, message, 'extra_forbidden'));
  }
  const { url } = webhook;
  const why = url.includes('{{') ? 'holds a template, and none is filled in' : webhookUrlFault(url);
  if (why) faults.push(fault(`${field}.url`, why));
  return faults;
}

/** One value or a list, each with its field. */
const each = <T>(name: string, value: T | T[] | undefined): [string, T][] =>
  listOf(value).map((one, i) => [Array.isArray(value) ? `${name}.${i}` : name, one]);

const fault = (name: string, message: string, type = 'value_error'): ErrorDetail => {
  const field = `${FIELD}.${name}`;
  return { field, message: `${field} ${message}`, type };
};
