import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { EMAIL_PATTERN, MAX_EMAILS, MAX_SLA_SECONDS, MAX_WEBHOOKS } from '@tauro/domain';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { IfGiven } from '../http/given.js';
import { AtMost, IsWebhookUrl } from './settings.rules.js';

/** A receiver of HTTP calls. */
export class WebhookDto {
  /** http or https, without a user or a password. */
  @IsWebhookUrl()
  @MaxLength(2000)
  @IsString()
  url!: string;

  /** Signs the calls. It is never shown; left out for the same URL, the one that is stored stays. Null: none. */
  @ApiProperty({ type: String, nullable: true, required: false, minLength: 8, maxLength: 500 })
  @IsOptional()
  @MaxLength(500)
  @MinLength(8)
  @IsString()
  secret?: string | null;

  /** What an answer says of the secret; ignored, so that an answer may be sent back. */
  @IfGiven()
  @IsBoolean()
  has_secret?: boolean;
}

/** Who is told what about runs. */
@ApiExtraModels(WebhookDto)
export class NotificationSettingsDto {
  /** Tell of runs that ended SUCCESS; false unless given. */
  @IfGiven()
  @IsBoolean()
  on_success?: boolean;

  /** Tell of runs that ended FAILED; true unless given. */
  @IfGiven()
  @IsBoolean()
  on_failure?: boolean;

  /** Tell of runs that are late; true when `sla_seconds` is given. */
  @IfGiven()
  @IsBoolean()
  on_sla_miss?: boolean;

  /** A run is late that has not ended so many seconds after its slot, or else after its start. */
  @IfGiven()
  @Max(MAX_SLA_SECONDS)
  @Min(0.001)
  @IsNumber()
  sla_seconds?: number;

  /** An address, or at most 20. */
  @ApiProperty({
    required: false,
    oneOf: [
      { type: 'string', pattern: EMAIL_PATTERN.source },
      { type: 'array', maxItems: MAX_EMAILS, items: { type: 'string', pattern: EMAIL_PATTERN.source } },
    ],
  })
  @IfGiven()
  @Matches(EMAIL_PATTERN, { each: true, message: 'must be an email address such as alerts@example.com' })
  @AtMost(MAX_EMAILS)
  email?: string | string[];

  /** A webhook, or at most 5. */
  @ApiProperty({
    required: false,
    oneOf: [
      { $ref: getSchemaPath(WebhookDto) },
      { type: 'array', maxItems: MAX_WEBHOOKS, items: { $ref: getSchemaPath(WebhookDto) } },
    ],
  })
  @IfGiven()
  @ValidateNested({ message: 'must be {url, secret?}, or a list of these' })
  @AtMost(MAX_WEBHOOKS)
  @Type(() => WebhookDto)
  webhook?: WebhookDto | WebhookDto[];
}
