import { Injectable } from '@nestjs/common';
import {
  type ErrorDetail,
  invalid,
  type NotificationSettings,
  type SealedSecret,
  type WebhookTarget,
  WEBHOOK_PURPOSE,
} from '@tauro/domain';
import { canSeal, Env, seal } from '@tauro/platform';
import { cannotBeSealed } from '../http/sealing.js';
import { type NotificationSettingsDto, type WebhookDto } from './settings.dto.js';

/** Settings as they are stored and shown, and beside them what is never shown. */
export interface StoredNotifications {
  settings: NotificationSettings | null;
  secrets: SealedSecret[];
}

/** Takes the secrets out of settings that a client has sent, and seals them. */
@Injectable()
export class NotificationSettingsService {
  constructor(private readonly env: Env) {}

  /**
   * @param field where the settings stand in the request, for errors, such as `config.notifications`.
   * @param kept the sealed secrets stored so far: a webhook sent without a secret keeps that of its URL.
   * @throws DomainError VALIDATION_ERROR
   */
  store(
    dto: NotificationSettingsDto | null,
    field = 'notifications',
    kept: readonly SealedSecret[] = [],
  ): StoredNotifications {
    if (dto === null) return { settings: null, secrets: [] };
    const { webhook, on_sla_miss, sla_seconds, ...rest } = dto;
    if (on_sla_miss && sla_seconds === undefined) {
      const message = 'is needed with on_sla_miss: it says when a run is late';
      throw invalid([{ field: `${field}.sla_seconds`, message, type: 'missing' }]);
    }
    const secrets: SealedSecret[] = [];
    const faults: ErrorDetail[] = [];
    const take = (one: WebhookDto, at: string): WebhookTarget => {
      const sealed = this.sealed(one, kept, at, faults);
      if (sealed) secrets.push({ url: one.url, sealed });
      return { url: one.url, has_secret: sealed !== null };
    };
    const settings: NotificationSettings = {
      ...rest,
      ...(on_sla_miss !== undefined && { on_sla_miss }),
      ...(sla_seconds !== undefined && { sla_seconds }),
      ...(webhook && {
        webhook: Array.isArray(webhook)
          ? webhook.map((one, i) => take(one, `${field}.webhook.${i}`))
          : take(webhook, `${field}.webhook`),
      }),
    };
    if (faults.length > 0) throw invalid(faults);
    return { settings: JSON.parse(JSON.stringify(settings)) as NotificationSettings, secrets };
  }

  private sealed(
    { url, secret }: WebhookDto,
    kept: readonly SealedSecret[],
    field: string,
    faults: ErrorDetail[],
  ): string | null {
    if (secret === null) return null;
    if (secret === undefined) return kept.find((one) => one.url === url)?.sealed ?? null;
    if (canSeal(this.env)) return seal(this.env, WEBHOOK_PURPOSE, secret);
    faults.push(cannotBeSealed(`${field}.secret`));
    return null;
  }
}
