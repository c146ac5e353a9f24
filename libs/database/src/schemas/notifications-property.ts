import { ApiProperty } from '@nestjs/swagger';

const WEBHOOK = {
  type: 'object',
  required: ['url', 'has_secret'],
  properties: {
    url: { type: 'string' },
    has_secret: {
      type: 'boolean',
      description: 'Whether calls are signed; the secret itself is never shown.',
    },
  },
} as const;

/** Describes a field of a model that holds notification settings, `null` included. */
export const NotificationsProperty = (): PropertyDecorator =>
  ApiProperty({
    type: 'object',
    nullable: true,
    properties: {
      on_success: { type: 'boolean' },
      on_failure: { type: 'boolean' },
      on_sla_miss: { type: 'boolean' },
      sla_seconds: { type: 'number' },
      email: { oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
      webhook: { oneOf: [WEBHOOK, { type: 'array', items: WEBHOOK }] },
    },
  } as object);
