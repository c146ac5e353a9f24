import { webhookUrlFault } from '@tauro/nodes';
import { ValidateBy } from 'class-validator';

/** One value, or a list of at most so many. */
export const AtMost = (most: number): PropertyDecorator =>
  ValidateBy({
    name: 'arrayMaxSize',
    validator: {
      validate: (value) => !Array.isArray(value) || value.length <= most,
      defaultMessage: () => `must not hold more than ${most}`,
    },
  });

/** A URL that a webhook may have. */
export const IsWebhookUrl = (): PropertyDecorator =>
  ValidateBy({
    name: 'value_error',
    validator: {
      validate: (value) => typeof value === 'string' && webhookUrlFault(value) === undefined,
      defaultMessage: (args) => webhookUrlFault(String(args?.value)) ?? 'must be a URL',
    },
  });
