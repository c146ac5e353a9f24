/** What a failure's `error.type` means. A handler's own errors have the name of their class beside these. */
export interface ErrorType {
  type: string;
  meaning: string;
  /** Whether another attempt may help; without that the task fails at once, whatever attempts are left. */
  retried: boolean | 'it depends';
}

const type = (name: string, meaning: string, retried: ErrorType['retried'] = false): ErrorType => ({
  type: name,
  meaning,
  retried,
});

/** Every `error.type` that Tauro itself gives, in one place. A test compares it with the code and the docs. */
export const ERROR_TYPES: readonly ErrorType[] = [
  // The definition
  type('InvalidConfig', 'the config does not fit once its templates have values'),
  type('TemplateError', 'a template has no value, or cannot be read'),
  type('ConditionError', 'the condition of `when` cannot be worked out'),
  type(
    'SecretUnreadable',
    'the `SECRET_KEY` of this worker does not open a secret that the config names, or one of its connection',
    true,
  ),
  type('UnknownNodeType', 'this worker does not know the type of the node'),
  type('InvalidItems', 'the list of a `for_each` is no list, or too long'),
  type('SqlRefused', 'the SQL is not one SELECT, or reaches outside the inputs of its node'),
  // Files and tables
  type('PathNotAllowed', 'the path leaves `DATA_ROOTS`'),
  type('BadPath', 'the path is no path of a file, or of the wrong kind'),
  type('FileNotFound', 'nothing is there'),
  type('UnknownFormat', 'neither the path nor `format` tells one format'),
  type('BadFile', 'the file is not of its format'),
  type('BadRow', 'a row does not fit; the message has file, line and column'),
  type('TableProcess', 'the process that worked on the tables ended', true),
  type('TargetExists', 'something is there already, and `write_mode` is `error`'),
  type('WriteFailed', 'the disk is full, or the worker may not write there', true),
  type('NoTable', 'no upstream node made a table'),
  type('ColumnNotFound', 'there is no such column; the message lists those there are'),
  type('ColumnMismatch', 'two tables, or a table and a file, have different columns'),
  type('DuplicateColumn', 'two columns would have one name'),
  type('BadValue', 'a value cannot be converted'),
  type('QualityFailed', 'checks of the table failed; the message tells which, and shows some of the rows'),
  type('TableError', 'the database failed otherwise', 'it depends'),
  type(
    'OutOfMemory',
    'more memory is needed than may be; final when a table process outgrew its bound',
    'it depends',
  ),
  // Connections
  type('ConnectionNotFound', 'there is no connection of this name, or no secret that it refers to'),
  type('ConnectionFailed', 'the system was not reached, or the connection broke', 'it depends'),
  type('AuthenticationFailed', 'the system knows no such user, password or database'),
  type('PermissionDenied', 'the user of the connection may not do that'),
  type('TableNotFound', 'there is no such table or schema'),
  type('ConstraintViolated', 'a rule of the table is broken, such as a unique key'),
  type('QueryFailed', 'the system refused the statement; locks and conflicts are retried', 'it depends'),
  type(
    'SparkFailed',
    'the Spark batch failed, or was refused or forgotten by Livy; only what failed is retried',
    'it depends',
  ),
  // HTTP
  type('EgressDenied', 'the address is private, or a metadata service'),
  type('HttpConnection', 'no connection, or it broke', true),
  type('HttpTimeout', 'no answer in time', true),
  type('HttpStatus', 'a status that was not expected: 408, 425, 429 and 5xx are retried', 'it depends'),
  type('TooManyRedirects', 'more than 5 redirects'),
  type('ResponseTooLarge', 'the answer is larger than 1 MB'),
  type('CircuitOpen', 'the circuit breaker of the server stays open for longer than the task may take'),
  // Handlers
  type('UnknownHandler', 'this worker does not have the handler'),
  type('InvalidInput', 'the input does not fit the schema of the handler'),
  type('InvalidOutput', 'what it returned or handed on is no JSON, or not as declared'),
  type('HandlerLoad', 'the files of the handlers cannot be loaded', true),
  type('HandlerExited', 'the handler ended its process', true),
  type('HandlerStopped', 'the handler was stopped', true),
  // Commands
  type(
    'CommandsDisabled',
    '`COMMANDS_ENABLED`, or for an image `CONTAINERS_ENABLED` or `KUBERNETES_ENABLED`, is false here',
  ),
  type(
    'CommandNotAllowed',
    '`COMMANDS_ALLOWED`, `CONTAINER_IMAGES` or `KUBERNETES_NAMESPACES` does not have it',
  ),
  type('CommandNotFound', 'there is no such program on this worker'),
  type('CommandFailed', 'the program ended with another exit code, or was killed', 'it depends'),
  type('ImageNotFound', 'the image is not there, and cannot be fetched', true),
  type('ContainerEngine', 'the container engine cannot be reached, or could not do it', true),
  type('KubernetesCluster', 'the cluster cannot be reached, or does not let the worker do it', 'it depends'),
  type('CommandProcess', 'the process beside the program ended', true),
  // Runs of other pipelines
  type('PipelineNotFound', 'there is no pipeline of this id or name'),
  type('InvalidParams', 'the params do not fit the pipeline that is to run'),
  type('TooDeep', 'runs that start runs are nested too deep'),
  type('SubRunFailed', 'the run that the node started failed', true),
  type('SubRunCancelled', 'the run that the node started was cancelled, but not by its own run'),
  type('SubRunLost', 'the run that the node started was deleted before its end was noticed', true),
  // Waiting and joining
  type('Rejected', 'somebody rejected the `approval`'),
  type('ApprovalTimeout', 'nobody decided the `approval` in time'),
  type('ItemsFailed', 'items of the `for_each` failed; the message counts them'),
  // Any node
  type('OutputTooLarge', 'the output is larger than 64 KB'),
  type('Timeout', 'the attempt took longer than it may', true),
  type('WorkerLost', 'its worker went away; counted apart from failures', true),
  type('RunTimeout', 'of a run: it took longer than its `timeout_seconds`, or its `deadline` passed'),
  type('UpstreamFailed', 'a node before it failed, so it was not run'),
];
