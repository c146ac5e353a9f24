import {
  boolean,
  host,
  integer,
  list,
  mailbox,
  number,
  oneOf,
  orNone,
  secretText,
  sentryDsn,
  text,
  timezone,
  trustProxy,
  url,
  word,
} from './kinds.js';
import { duration, size } from './units.js';
import { OptionalVariable, Variable } from './variable.js';

/** What SECRET_KEY is until somebody chooses one; refused as soon as it would protect something. */
export const SECRET_KEY_PLACEHOLDER = 'your-secret-key-here-change-in-production';

/**
 * The whole configuration, one property per environment variable, parsed and checked by `loadEnv`.
 * It is also the injection token. Durations named in `_SECONDS`, `_TTL`, `_TIMEOUT` and the like are seconds.
 */
export class Env {
  // Server
  @Variable(host('127.0.0.1'), '127.0.0.1', 'Address the API listens on.')
  readonly HOST!: string;

  @Variable(integer(8000, 0, 65535), '8000', 'TCP port of the API; 0 takes any free one.')
  readonly PORT!: number;

  @Variable(integer(4, 1, 256), '1', 'API processes that share the port.')
  readonly WORKERS!: number;

  @Variable(
    boolean,
    'false',
    'Load changed handlers anew, and rebuild and restart when a source file changes, as `npm run dev` does.',
  )
  readonly RELOAD!: boolean;

  @Variable(
    oneOf('INFO', 'DEBUG', 'WARNING', 'ERROR', 'CRITICAL'),
    'INFO',
    'Least severe level that is logged.',
  )
  readonly LOG_LEVEL!: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

  // Database
  @OptionalVariable(
    url('mongodb://localhost:27017', 'mongodb', 'mongodb+srv'),
    'MongoDB >= 8.0, a replica set. Unset: an embedded server under DATA_DIR.',
    { secret: true },
  )
  readonly MONGODB_URL?: string;

  @Variable(word('tauro'), 'tauro', 'Name of the database.')
  readonly MONGODB_DATABASE!: string;

  @Variable(integer(10, 1, 1000), '10', 'Most connections per process.')
  readonly MONGODB_POOL_SIZE!: number;

  @Variable(integer(300, 0), '300', 'Seconds after which an idle connection is closed; 0 keeps it.')
  readonly MONGODB_MAX_IDLE_TIME!: number;

  @Variable(number(30, 0.1), '30', 'Seconds to wait for a server or a connection.')
  readonly MONGODB_TIMEOUT!: number;

  @Variable(boolean, 'true', 'Apply pending migrations at start; false refuses to start without them.')
  readonly MIGRATE_ON_START!: boolean;

  // CORS
  @Variable(
    list('["https://app.example.com"]'),
    '["http://localhost:3000","http://localhost:5173"]',
    'Origins of browsers that may call the API.',
  )
  readonly CORS_ALLOW_ORIGINS!: string[];

  @Variable(
    list('["GET"]'),
    '["GET","POST","PUT","PATCH","DELETE","OPTIONS"]',
    'Methods allowed across origins.',
  )
  readonly CORS_ALLOW_METHODS!: string[];

  @Variable(
    list('["Content-Type"]'),
    '["Content-Type","Authorization","X-Request-ID"]',
    'Request headers allowed across origins.',
  )
  readonly CORS_ALLOW_HEADERS!: string[];

  @Variable(boolean, 'true', 'Whether cookies and credentials may be sent across origins.')
  readonly CORS_ALLOW_CREDENTIALS!: boolean;

  @Variable(integer(3600, 0), '3600', 'Seconds a browser may remember a preflight answer.')
  readonly CORS_MAX_AGE!: number;

  // Security
  @Variable(text('(48 random characters)'), SECRET_KEY_PLACEHOLDER, 'Root of all derived keys.', {
    secret: true,
  })
  readonly SECRET_KEY!: string;

  @OptionalVariable(
    text('(the SECRET_KEY of before)'),
    'The key that SECRET_KEY has replaced: opens what it sealed, until that is sealed anew.',
    { secret: true },
  )
  readonly SECRET_KEY_PREVIOUS?: string;

  @Variable(word('X-API-Key'), 'X-API-Key', 'Header that carries an API key.')
  readonly API_KEY_HEADER!: string;

  @Variable(boolean, 'false', 'Require an API key or a bearer token.')
  readonly ENABLE_AUTH!: boolean;

  @OptionalVariable(
    secretText('make-one-by-openssl-rand-base64-48', 32),
    'An API key with the role admin, to make the first keys with; it counts as long as it is set.',
    { secret: true },
  )
  readonly BOOTSTRAP_API_KEY?: string;

  @Variable(integer(900, 10, 86_400), '900', 'Seconds that a token of `POST /auth/token` lives.')
  readonly TOKEN_TTL_SECONDS!: number;

  @OptionalVariable(
    url('https://id.example.com/.well-known/jwks.json', 'https', 'http'),
    'Public keys of the identity provider whose tokens (RS256, ES256) are accepted. Unset: none.',
  )
  readonly JWT_JWKS_URL?: string;

  @OptionalVariable(text('https://id.example.com/'), 'Issuer that its tokens must name.')
  readonly JWT_ISSUER?: string;

  @OptionalVariable(text('https://tauro.example.com'), 'Audience that its tokens must name.')
  readonly JWT_AUDIENCE?: string;

  // Rate limiting
  @Variable(boolean, 'true', 'Limit requests per key or client address.')
  readonly RATE_LIMIT_ENABLED!: boolean;

  @Variable(integer(100, 1), '100', 'Requests allowed per window.')
  readonly RATE_LIMIT_REQUESTS!: number;

  @Variable(integer(60, 1), '60', 'Seconds of the window.')
  readonly RATE_LIMIT_WINDOW!: number;

  // Execution
  @Variable(
    integer(10, 0),
    '10',
    'Runs that execute at once in the whole deployment; further ones queue. 0: no limit.',
  )
  readonly MAX_CONCURRENT_RUNS!: number;

  @Variable(
    integer(10_000, 0),
    '10000',
    'Started runs that may wait to begin; further starts are answered 503. 0: no limit.',
  )
  readonly MAX_QUEUED_RUNS!: number;

  @Variable(number(3600, 0.001), '3600', 'Seconds a task may take, unless its node says otherwise.')
  readonly DEFAULT_TIMEOUT!: number;

  @Variable(integer(3, 1, 100), '3', 'Attempts of a task, the first included, without a retry_policy.')
  readonly DEFAULT_RETRY_ATTEMPTS!: number;

  @Variable(number(5, 0), '5', 'Seconds before the second attempt, without a retry_policy.')
  readonly DEFAULT_RETRY_DELAY!: number;

  // Scheduling
  @Variable(boolean, 'true', 'Fire schedules and carry out backfills: some worker has to.')
  readonly SCHEDULER_ENABLED!: boolean;

  @Variable(timezone, 'UTC', 'Time zone of schedules that name none.')
  readonly SCHEDULER_TIMEZONE!: string;

  @Variable(boolean, 'true', 'Make one run of several missed slots, unless a schedule says otherwise.')
  readonly SCHEDULER_COALESCE!: boolean;

  @Variable(integer(1, 1, 10_000), '1', 'Runs of one schedule at once, unless it says otherwise.')
  readonly SCHEDULER_MAX_INSTANCES!: number;

  // Monitoring
  @Variable(boolean, 'true', 'Serve /metrics.')
  readonly ENABLE_METRICS!: boolean;

  @Variable(boolean, 'false', 'Export OpenTelemetry traces, also to the default endpoint.')
  readonly ENABLE_TRACING!: boolean;

  @OptionalVariable(
    url('http://localhost:4318', 'http', 'https'),
    'OTLP/HTTP collector of traces, which setting it turns on; http://localhost:4318 with ENABLE_TRACING alone.',
  )
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string;

  @OptionalVariable(
    text('authorization=Bearer%20abc'),
    'Headers for it: name=value, percent-encoded, commas.',
    {
      secret: true,
    },
  )
  readonly OTEL_EXPORTER_OTLP_HEADERS?: string;

  @OptionalVariable(text('tauro'), 'Service name in traces. Unset: tauro-api and tauro-worker.')
  readonly OTEL_SERVICE_NAME?: string;

  @Variable(number(0.1, 0, 1), '1', 'Share of the traces that begin here which is exported.')
  readonly OTEL_TRACES_SAMPLER_ARG!: number;

  @OptionalVariable(sentryDsn, 'Sentry project that unexpected errors are reported to. Unset: none.', {
    secret: true,
  })
  readonly SENTRY_DSN?: string;

  @Variable(number(0.5, 0, 1), '1', 'Share of these errors that is reported.')
  readonly SENTRY_SAMPLE_RATE!: number;

  @Variable(
    integer(9090, 0, 65535),
    '9090',
    "The first worker's metrics port; worker N takes the Nth from it. 0: none.",
  )
  readonly PROMETHEUS_PORT!: number;

  // Logging
  @Variable(
    oneOf('json', 'text', 'pretty'),
    'json',
    'json, or text (also called pretty). A terminal always gets text.',
  )
  readonly LOG_FORMAT!: 'json' | 'text' | 'pretty';

  @Variable(
    orNone('logs/api.log'),
    'logs/api.log',
    'File of JSON lines; a worker writes its own beside it; or none.',
  )
  readonly LOG_FILE!: string | undefined;

  /** Bytes. */
  @Variable(size, '100 MB', 'Size at which the log file is rotated.')
  readonly LOG_ROTATION!: number;

  /** Milliseconds. */
  @Variable(duration, '30 days', 'Age at which rotated log files are removed.')
  readonly LOG_RETENTION!: number;

  // Caching
  @Variable(boolean, 'true', 'Cache expensive answers such as /statistics.')
  readonly CACHE_ENABLED!: boolean;

  @Variable(number(300, 0), '300', 'Seconds a cached answer is used.')
  readonly CACHE_TTL!: number;

  @Variable(integer(1000, 1), '1000', 'Entries per cache.')
  readonly CACHE_MAX_SIZE!: number;

  // Development
  @Variable(boolean, 'false', 'Log at DEBUG, whatever LOG_LEVEL says.')
  readonly DEBUG!: boolean;

  @Variable(boolean, 'false', 'Log every database query.')
  readonly SHOW_SQL_QUERIES!: boolean;

  @Variable(boolean, 'true', 'Serve /docs, /redoc and /openapi.json.')
  readonly ENABLE_API_DOCS!: boolean;

  // Queue
  @OptionalVariable(url('redis://localhost:6379', 'redis', 'rediss'), 'Redis. Unset: an embedded server.', {
    secret: true,
  })
  readonly REDIS_URL?: string;

  @Variable(
    word('tauro'),
    'tauro',
    'Prefix of every Redis key; deployments that share a Redis need their own.',
  )
  readonly QUEUE_PREFIX!: string;

  // Pipelines and data
  @Variable(list('examples/pipelines'), '', 'Files and folders whose pipelines are discovered.')
  readonly PIPELINES_PATH!: string[];

  @Variable(
    list('examples/handlers'),
    '',
    'Folders of task handlers. Unset: `handlers` in each PIPELINES_PATH.',
  )
  readonly HANDLERS_PATH!: string[];

  @Variable(
    text('/var/lib/tauro/artifacts'),
    '.tauro/artifacts',
    'Folder of the data between nodes, shared by workers.',
  )
  readonly ARTIFACTS_URL!: string;

  @Variable(
    list('["data","/srv/files"]'),
    '',
    'Folders that file sources and sinks may touch. Unset: `data`.',
  )
  readonly DATA_ROOTS!: string[];

  @Variable(text('.tauro'), '.tauro', 'Folder of embedded stores and scratch files.')
  readonly DATA_DIR!: string;

  @OptionalVariable(
    text('/var/cache/tauro'),
    'Folder of downloaded stores. Unset: `tauro` in the cache of the user.',
  )
  readonly TAURO_CACHE_DIR?: string;

  // Workers
  @Variable(integer(2, 0, 256), '1', 'Worker processes that `npm start` launches.')
  readonly WORKER_PROCESSES!: number;

  @Variable(integer(10, 1, 1000), '10', 'Tasks a worker executes at once.')
  readonly WORKER_CONCURRENCY!: number;

  @Variable(list('["gpu","eu-west"]'), '', 'What this worker offers to nodes that require it.')
  readonly WORKER_TAGS!: string[];

  @OptionalVariable(
    word('worker-1'),
    "Beginning of this worker's id, a random part follows. Unset: host and process.",
  )
  readonly WORKER_ID?: string;

  @Variable(integer(512, 32), '512', 'Heap of a task handler, in MB.')
  readonly TASK_MEMORY_MB!: number;

  @OptionalVariable(
    integer(2, 1, 256),
    'Nodes a worker lets work on tables at once. Unset: what its cores allow, at least 2.',
  )
  readonly TABLE_PROCESSES?: number;

  @Variable(integer(512, 64), '512', 'Memory of DuckDB per node execution, in MB.')
  readonly DUCKDB_MEMORY_MB!: number;

  @Variable(integer(2, 1, 256), '2', 'Threads of DuckDB per node execution.')
  readonly DUCKDB_THREADS!: number;

  @Variable(integer(4096, 0), '4096', 'Disk that DuckDB may spill to per node execution, in MB.')
  readonly DUCKDB_TEMP_DISK_MB!: number;

  @Variable(
    list('["STAGE","REGION"]'),
    '',
    'Environment variables that templates may read as {{ env.NAME }}.',
  )
  readonly TEMPLATE_ENV!: string[];

  // Commands
  @Variable(boolean, 'false', 'Let `command` nodes run the programs of COMMANDS_ALLOWED on this worker.')
  readonly COMMANDS_ENABLED!: boolean;

  @Variable(
    list('["python3","/opt/etl/*"]'),
    '',
    'Programs they may run: names on the PATH, absolute paths, patterns with `*` and `**`, or `*` for any.',
  )
  readonly COMMANDS_ALLOWED!: string[];

  @Variable(
    integer(1024, 16),
    '1024',
    'Resident memory of a command and all that it starts, in MB (Linux only).',
  )
  readonly COMMAND_MEMORY_MB!: number;

  @Variable(
    integer(64, 1, 100_000),
    '64',
    'Processes of a command at once, all that it starts included (Linux only).',
  )
  readonly COMMAND_PROCESSES!: number;

  @Variable(integer(4096, 1), '4096', 'Largest file that a command may write, in MB.')
  readonly COMMAND_FILE_MB!: number;

  @Variable(integer(1024, 16, 1_000_000), '1024', 'Files that each process of a command may have open.')
  readonly COMMAND_OPEN_FILES!: number;

  @Variable(boolean, 'false', 'Let `command` nodes run containers of CONTAINER_IMAGES from this worker.')
  readonly CONTAINERS_ENABLED!: boolean;

  @Variable(
    list('["python:3.13-slim","registry.example.com/etl/**"]'),
    '',
    'Images they may run, as nodes name them: names, or patterns with `*` and `**`.',
  )
  readonly CONTAINER_IMAGES!: string[];

  @OptionalVariable(
    url('unix:///run/podman/podman.sock', 'unix', 'tcp', 'http', 'https'),
    'Container engine that speaks the Docker API. Unset: /var/run/docker.sock.',
  )
  readonly DOCKER_HOST?: string;

  @Variable(
    integer(1024, 6),
    '1024',
    'Most memory of a container, and what it has unless its node says less, in MB.',
  )
  readonly CONTAINER_MEMORY_MB!: number;

  @Variable(
    number(1, 0.01, 1024),
    '1',
    'Most processors of a container, and what it has unless its node says less.',
  )
  readonly CONTAINER_CPUS!: number;

  @Variable(
    list('["bridge"]'),
    '',
    'Networks of the engine that containers may join; otherwise they have none.',
  )
  readonly CONTAINER_NETWORKS!: string[];

  @Variable(boolean, 'false', 'Let `command` nodes run containers of CONTAINER_IMAGES as Kubernetes Jobs.')
  readonly KUBERNETES_ENABLED!: boolean;

  @Variable(
    list('["etl"]'),
    'default',
    'Namespaces that Jobs may be in; the first is that of nodes which say none.',
  )
  readonly KUBERNETES_NAMESPACES!: string[];

  @OptionalVariable(
    text('/etc/tauro/kubeconfig'),
    'Cluster of the Jobs. Unset: ~/.kube/config, or the service account of the pod.',
  )
  readonly KUBECONFIG?: string;

  // Network safety
  @Variable(
    boolean,
    '',
    'Allow nodes to call private addresses. Unset: only without auth on a loopback HOST.',
  )
  readonly EGRESS_ALLOW_PRIVATE!: boolean;

  @Variable(boolean, 'false', 'Allow a HOST that others can reach while ENABLE_AUTH is false.')
  readonly ALLOW_UNAUTHENTICATED_NETWORK!: boolean;

  @Variable(
    list('["tauro.example.com"]'),
    '',
    'Host headers accepted without auth. Unset: localhost and HOST.',
  )
  readonly ALLOWED_HOSTS!: string[];

  @Variable(trustProxy, 'false', 'Proxies whose X-Forwarded-* are believed: true, hops, or addresses.')
  readonly TRUST_PROXY!: boolean | number | string;

  @Variable(boolean, 'false', 'Refuse requests that did not come by HTTPS, as a proxy of TRUST_PROXY tells.')
  readonly REQUIRE_HTTPS!: boolean;

  @Variable(number(60, 0.001, 86_400), '60', 'Seconds an answer may take, streams aside; then it is 504.')
  readonly REQUEST_TIMEOUT!: number;

  @Variable(number(1, 0.001, 1024), '1', 'Largest request body, in MB.')
  readonly MAX_BODY_MB!: number;

  @Variable(number(8, 0.001, 1024), '8', 'Largest pipeline definition or batch, in MB.')
  readonly MAX_DEFINITION_MB!: number;

  // Notifications
  @OptionalVariable(
    url('smtp://user:password@mail.example.com:587', 'smtps', 'smtp'),
    'Mail server that sends notifications. Unset: none by email.',
    {
      secret: true,
    },
  )
  readonly SMTP_URL?: string;

  @Variable(mailbox('Tauro <tauro@example.com>'), 'tauro@localhost', 'Sender of notifications by email.')
  readonly SMTP_FROM!: string;

  @Variable(integer(8, 1, 100), '8', 'Attempts to send a notification before it is given up.')
  readonly NOTIFICATION_ATTEMPTS!: number;

  @Variable(
    number(60, 0),
    '60',
    'Seconds before the second attempt to send a notification; doubled for each further one, up to an hour.',
  )
  readonly NOTIFICATION_RETRY_SECONDS!: number;

  @Variable(number(10, 0.1, 600), '10', 'Seconds one attempt to send a notification may take.')
  readonly NOTIFICATION_TIMEOUT_SECONDS!: number;

  // Lineage
  @OptionalVariable(
    url('http://localhost:5000', 'http', 'https'),
    'OpenLineage collector that is told of every run, at `/api/v1/lineage` below it. Unset: none.',
  )
  readonly OPENLINEAGE_URL?: string;

  @Variable(text('production'), 'tauro', 'Namespace of the jobs in these events.')
  readonly OPENLINEAGE_NAMESPACE!: string;

  @OptionalVariable(
    text('(a key of the collector)'),
    'Key that the collector asks for, sent as bearer token.',
    {
      secret: true,
    },
  )
  readonly OPENLINEAGE_API_KEY?: string;

  // Engine
  @Variable(number(10, 1), '10', 'Seconds a claim of a task lives without a heartbeat.')
  readonly LEASE_SECONDS!: number;

  @Variable(number(3, 0.1), '3', 'Seconds between heartbeats; at most half of LEASE_SECONDS.')
  readonly HEARTBEAT_SECONDS!: number;

  @Variable(number(2, 0.1, 15), '2', 'Seconds between looks for work that nothing woke.')
  readonly RECONCILE_SECONDS!: number;

  @Variable(
    number(600, 1),
    '600',
    "Seconds that on_failure and finally nodes have after a cancel or a run's timeout.",
  )
  readonly CLEANUP_SECONDS!: number;

  @Variable(
    number(60, 0),
    '60',
    'Seconds a worker with free slots may take no job while some wait; then it ends, to be started again. 0: never.',
  )
  readonly DEAF_SECONDS!: number;

  @Variable(number(10, 0), '10', 'Seconds a process may finish its work after SIGTERM.')
  readonly SHUTDOWN_GRACE_SECONDS!: number;

  @Variable(
    integer(10, 0),
    '10',
    'Failures in a row after which a server that nodes call is left alone. 0: never.',
  )
  readonly BREAKER_FAILURES!: number;

  @Variable(number(30, 0.1), '30', 'Seconds it is left alone before one call tries it again.')
  readonly BREAKER_OPEN_SECONDS!: number;

  @Variable(number(90, 0.001), '90', 'Days a terminal run is kept, unless its project says otherwise.')
  readonly RETENTION_DAYS!: number;

  @Variable(number(60, 0.1), '60', 'Seconds between looks for what is past its retention.')
  readonly RETENTION_SWEEP_SECONDS!: number;
}
