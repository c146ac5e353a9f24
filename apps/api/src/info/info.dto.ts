export class DocsUrls {
  swagger_ui!: string | null;
  redoc!: string | null;
  openapi!: string | null;
}

/** A file that could not be taken up. */
export class DiscoveryProblem {
  /** Relative to the working directory. */
  path!: string;
  /** Where in the file: a field such as `nodes.2.config.path`, or a line. */
  field!: string | null;
  message!: string;
}

/** What was found under `PIPELINES_PATH`. */
export class DiscoveryReport {
  paths!: string[];
  files!: number;
  pipelines!: number;
  errors!: DiscoveryProblem[];
  /** When the files were last read; null until they have been. */
  scanned_at!: Date | null;
}

export class Info {
  name!: string;
  version!: string;
  description!: string;
  uptime_seconds!: number;
  started_at!: Date;
  /** What is switched on. */
  features!: Record<string, boolean>;
  docs!: DocsUrls;
  discovery!: DiscoveryReport;
}
