import { ApiProperty } from '@nestjs/swagger';
import { ALL_PERMISSIONS, type Permission } from '@tauro/domain';
import { setExample } from '../../http/openapi/examples.js';

/** A token that stands for a key for a short time. */
export class TokenAnswer {
  /** What is sent as `Authorization: Bearer ...`. */
  access_token!: string;

  token_type!: 'Bearer';

  /** Seconds. */
  expires_in!: number;
}

/** Who asks, as the server sees them. */
export class Me {
  /** `anonymous` while auth is off. */
  @ApiProperty({ enum: ['anonymous', 'key', 'token'] })
  kind!: 'anonymous' | 'key' | 'token';

  /** The id of a key, or the subject of a token. */
  id!: string;

  name!: string;

  /** The name once more, as identity providers call it. */
  user!: string;

  @ApiProperty({ type: [String] })
  roles!: readonly string[];

  /** What the roles and the permissions granted besides them come to. */
  @ApiProperty({ type: 'array', items: { type: 'string', enum: ALL_PERMISSIONS } })
  permissions!: readonly Permission[];

  /** The only projects to be seen and changed; null: all of them. */
  @ApiProperty({ type: [String], nullable: true })
  project_ids!: readonly string[] | null;

  /** When the key ends; null: never, or there is none. */
  @ApiProperty({ type: Date, nullable: true })
  expires_at!: Date | null;
}

setExample(TokenAnswer, {
  access_token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...',
  token_type: 'Bearer',
  expires_in: 900,
});
setExample(Me, {
  kind: 'key',
  id: 'key_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  name: 'nightly deploys',
  user: 'nightly deploys',
  roles: ['operator'],
  permissions: ['projects:read', 'runs:execute'],
  project_ids: ['proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V'],
  expires_at: null,
});
