import { ApiProperty, ApiPropertyOptional, type ApiPropertyOptions } from '@nestjs/swagger';
import { Connection, Failure } from '@tauro/database';
import { CONNECTION_KINDS } from '@tauro/nodes';
import { IsIn, IsObject, IsOptional } from 'class-validator';
import { IfGiven } from '../http/given.js';
import { setExample } from '../http/openapi/examples.js';
import { DescribedDto, NamedDto } from '../named/named.dto.js';

const KINDS = [...CONNECTION_KINDS.keys()];

/** One schema per kind, for people and for programs that make forms; what fits one may fit another kind's, too. */
const configs: ApiPropertyOptions = {
  anyOf: [...CONNECTION_KINDS.values()].map(({ kind, schema }) => ({ title: kind, ...schema })),
};
const SECRET = {
  type: 'object' as const,
  additionalProperties: { type: 'string' },
  writeOnly: true,
  description:
    'Passwords and the like, by the name that the kind gives them: as they are, which are kept sealed, or as references such as `{{ secrets.warehouse }}`.',
};

/** What a connection is created with. */
export class CreateConnectionDto extends NamedDto {
  /** What it leads to. */
  @ApiProperty({ enum: KINDS })
  @IsIn(KINDS)
  kind!: string;

  /** Where and how, by the rules of its kind. */
  @ApiProperty(configs)
  @IsObject()
  config!: Record<string, unknown>;

  @ApiPropertyOptional(SECRET)
  @IsOptional()
  @IsObject()
  secret?: Record<string, unknown> | null;
}

/** Absent fields stay as they are. */
export class UpdateConnectionDto extends DescribedDto {
  /** All of it anew. */
  @ApiProperty({ ...configs, required: false })
  @IfGiven()
  @IsObject()
  config?: Record<string, unknown>;

  /** All of it anew; a value `***` stays what it was. */
  @ApiPropertyOptional(SECRET)
  @IfGiven()
  @IsObject()
  secret?: Record<string, unknown>;
}

/** What came of trying a connection. */
export class ConnectionVerdict {
  /** Whether it works. */
  ok!: boolean;

  /** Who answered, such as `PostgreSQL 15.3`; null when nobody did. */
  @ApiProperty({ type: String, nullable: true })
  server!: string | null;

  /** What is wrong, as a node's failure would tell it; null when nothing is. */
  @ApiProperty({ type: Failure, nullable: true })
  error!: Failure | null;

  /** Milliseconds. */
  duration_ms!: number;
}

export const CREATE_CONNECTION_EXAMPLE = {
  name: 'warehouse',
  kind: 'postgresql',
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  description: 'What the reports read',
  config: { host: 'db.example.com', port: 5432, database: 'warehouse', user: 'loader', tls: 'verify' },
  secret: { password: '{{ secrets.warehouse }}' },
};
export const UPDATE_CONNECTION_EXAMPLE = { secret: { password: 'the next password' } };

setExample(Connection, {
  id: 'conn_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  ...CREATE_CONNECTION_EXAMPLE,
  created_by: 'key_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  updated_by: 'key_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  created_at: '2025-11-18T10:00:00.000Z',
  updated_at: '2025-11-19T10:00:00.000Z',
  revision: 2,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});
setExample(ConnectionVerdict, { ok: true, server: 'PostgreSQL 15.3', error: null, duration_ms: 12 });
