import { ApiProperty } from '@nestjs/swagger';

/** Describes a field of a model that holds any JSON value, `null` included. */
export const AnyJson = (): PropertyDecorator =>
  ApiProperty({
    nullable: true,
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: {} },
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
    ],
  });
