/** What was looked at; `ok`, or a word that says what is wrong. */
export class HealthChecks {
  database!: string;
  redis!: string;
  scheduler!: string;
  workers!: string;
}

export class HealthReport {
  /** `degraded` when the stores work but no worker is alive. */
  status!: 'healthy' | 'degraded' | 'unhealthy';
  version!: string;
  timestamp!: Date;
  checks!: HealthChecks;
}

export class Readiness {
  status!: 'ready' | 'not_ready';
  checks!: Record<string, string>;
}

export class Liveness {
  status!: 'alive';
}
