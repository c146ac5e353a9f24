/** What somebody may be told of, each by the setting `on_<last word>`. */
export const RUN_EVENTS = ['run.success', 'run.failure', 'run.sla_miss'] as const;
export type RunEvent = (typeof RUN_EVENTS)[number];

/** What a collector of lineage is told of every run. */
export const LINEAGE_EVENTS = ['lineage.start', 'lineage.complete', 'lineage.fail', 'lineage.abort'] as const;

export const NOTIFICATION_EVENTS = [...RUN_EVENTS, ...LINEAGE_EVENTS] as const;
export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

export const NOTIFICATION_CHANNELS = ['webhook', 'email', 'openlineage'] as const;
export type NotificationChannel = (typeof NOTIFICATION_CHANNELS)[number];

/** PENDING until the target has taken it; DEAD when it is not tried any more, unless somebody asks for it. */
export const NOTIFICATION_STATES = ['PENDING', 'SENT', 'DEAD'] as const;
export type NotificationState = (typeof NOTIFICATION_STATES)[number];

export const MAX_EMAILS = 20;
export const MAX_WEBHOOKS = 5;
/** The longest time a run may be given: a year, in seconds. */
export const MAX_SLA_SECONDS = 31_536_000;

/** An address, without a display name. Nothing in it could end a header. */
export const EMAIL_PATTERN =
  /^(?=.{3,254}$)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?){0,10}$/;

/** A receiver of HTTP calls. Its secret is kept elsewhere, sealed. */
export interface WebhookTarget {
  url: string;
  /** Whether calls are signed. */
  has_secret?: boolean;
}

/** Who is told what about the runs of a project, a pipeline or a schedule. */
export interface NotificationSettings {
  /** False unless given. */
  on_success?: boolean;
  /** True unless given. */
  on_failure?: boolean;
  /** True when `sla_seconds` is given, unless it says otherwise. */
  on_sla_miss?: boolean;
  /** Seconds after which a run that has not ended is late. */
  sla_seconds?: number;
  email?: string | string[];
  webhook?: WebhookTarget | WebhookTarget[];
}

/** The secret of one webhook, as it is stored. */
export interface SealedSecret {
  url: string;
  sealed: string;
}

/** Whether the settings ask to be told of this. */
export function isWanted(settings: NotificationSettings, event: RunEvent): boolean {
  if (event === 'run.success') return settings.on_success ?? false;
  if (event === 'run.failure') return settings.on_failure ?? true;
  return settings.on_sla_miss ?? settings.sla_seconds !== undefined;
}

/** Everybody who is to be told, in the order given. */
export function targetsOf({
  webhook,
  email,
}: NotificationSettings): { channel: 'webhook' | 'email'; to: string }[] {
  return [
    ...listOf(webhook).map(({ url }) => ({ channel: 'webhook' as const, to: url })),
    ...listOf(email).map((to) => ({ channel: 'email' as const, to })),
  ];
}

/** When a run that counts from `from` is late; null when that is of no interest. */
export function lateAt(settings: NotificationSettings, from: Date | null): Date | null {
  const { sla_seconds } = settings;
  if (!sla_seconds || !from || !isWanted(settings, 'run.sla_miss')) return null;
  return new Date(from.getTime() + sla_seconds * 1000);
}

/** One, several or none, as a list. */
export const listOf = <T>(value: T | T[] | null | undefined): T[] =>
  value === null || value === undefined ? [] : Array.isArray(value) ? value : [value];

/** Who is busy while a message is sent: the server of a URL, or the one mail server of the deployment. */
export const receiverOf = (channel: NotificationChannel, to: string): string =>
  channel !== 'email' && URL.canParse(to) ? new URL(to).origin : channel;

/** A webhook's URL as anybody may see it: a query is where tokens are. */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const { origin, pathname, search } = new URL(url);
  return `${origin}${pathname}${search ? '?…' : ''}`;
}
