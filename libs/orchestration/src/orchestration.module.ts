import { Global, Module } from '@nestjs/common';
import { Advancer } from './advancer.js';
import { Breakers } from './breaker/breakers.js';
import { Clock } from './clock.js';
import { Collections } from './collections.js';
import { Dispatcher } from './dispatcher.js';
import { DatasetRecorder } from './lineage/dataset-recorder.js';
import { LineageEvents } from './lineage/lineage-events.js';
import { RunLineage } from './lineage/run-lineage.js';
import { StateEvents } from './events/state-events.js';
import { LeaseService } from './lease.service.js';
import { SourceMarks } from './marks/source-marks.js';
import { MappingService } from './mapping.service.js';
import { NotificationOutbox } from './notifications/outbox.js';
import { RunNotifier } from './notifications/run-notifier.js';
import { NotificationSources } from './notifications/sources.js';
import { PinnedConfigs } from './pinned-configs.js';
import { PinnedVersions } from './pinned-versions.js';
import { PipelineService } from './pipeline.service.js';
import { Reconciler } from './reconciler.js';
import { RerunService } from './rerun.service.js';
import { CacheRemoval } from './retention/cache-removal.js';
import { Leftovers } from './retention/leftovers.js';
import { ProjectRemovalService } from './retention/project-removal.service.js';
import { Retention } from './retention/retention.js';
import { RunRemovalService } from './retention/run-removal.service.js';
import { RunBacklog } from './run-backlog.js';
import { RunBatch } from './run-batch.service.js';
import { RunCreation } from './run-creation.service.js';
import { RunEnd } from './run-end.js';
import { RunFactsCache } from './run-facts.js';
import { RunLogService } from './run-log.service.js';
import { RunLogWriter } from './run-log.writer.js';
import { RunReader } from './run-reader.js';
import { RunStore } from './run-store.js';
import { RunService } from './run.service.js';
import { BackfillService } from './schedules/backfill.service.js';
import { ScheduleService } from './schedules/schedule.service.js';
import { ScheduleWakes } from './schedules/schedule-wakes.js';
import { Scheduler } from './schedules/scheduler.js';
import { SlotEnd } from './schedules/slot-end.js';
import { SlotRanges } from './schedules/slot-ranges.js';
import { SlotRuns } from './schedules/slot-runs.js';
import { Ticker } from './schedules/ticker.js';
import { RunAdmission } from './slots/run-admission.js';
import { SlotReasons } from './slots/slot-reasons.js';
import { SlotRecovery } from './slots/slot-recovery.js';
import { SlotTable } from './slots/slot-table.js';
import { TaskSlots } from './slots/task-slots.js';
import { RunStages } from './run-stages.js';
import { RunCounter } from './statistics/run-counter.js';
import { StatisticsService } from './statistics/statistics.service.js';
import { StoreHealth } from './store-health.js';
import { SubRunService } from './sub-run.service.js';
import { NodeOutcomes } from './node-outcomes.js';
import { AttemptEnds } from './attempt-ends.js';
import { TaskClaims } from './task-claims.js';
import { TaskService } from './task.service.js';
import { HookCalls } from './triggers/hook-calls.js';
import { RunTriggers } from './triggers/run-triggers.js';
import { TriggeredRuns } from './triggers/triggered-runs.js';
import { TriggerOutbox } from './triggers/trigger-outbox.js';
import { TriggerService } from './triggers/trigger.service.js';
import { WaitService } from './wait.service.js';
import { ConnectionReader } from './secrets/connection-reader.js';
import { SecretReader } from './secrets/secret-reader.js';
import { WaitingCounter } from './waiting-counts.js';
import { WorkerRegistry } from './worker-registry.js';

const SERVICES = [
  Advancer,
  BackfillService,
  Breakers,
  CacheRemoval,
  Clock,
  Collections,
  ConnectionReader,
  DatasetRecorder,
  Dispatcher,
  HookCalls,
  LeaseService,
  Leftovers,
  LineageEvents,
  MappingService,
  NotificationOutbox,
  NotificationSources,
  PinnedConfigs,
  PinnedVersions,
  PipelineService,
  ProjectRemovalService,
  Reconciler,
  RerunService,
  Retention,
  RunAdmission,
  RunBacklog,
  RunBatch,
  RunCounter,
  RunCreation,
  RunEnd,
  RunFactsCache,
  RunLineage,
  RunLogService,
  RunLogWriter,
  RunNotifier,
  RunReader,
  RunRemovalService,
  RunService,
  RunStore,
  RunStages,
  RunTriggers,
  ScheduleService,
  ScheduleWakes,
  Scheduler,
  SecretReader,
  SlotEnd,
  SlotReasons,
  SlotRecovery,
  SlotRanges,
  SlotRuns,
  SlotTable,
  SourceMarks,
  StateEvents,
  StatisticsService,
  StoreHealth,
  SubRunService,
  AttemptEnds,
  NodeOutcomes,
  TaskClaims,
  TaskService,
  WaitService,
  TaskSlots,
  Ticker,
  TriggeredRuns,
  TriggerOutbox,
  TriggerService,
  WaitingCounter,
  WorkerRegistry,
];

/** The engine, for both apps. The API steers runs with it, the worker executes tasks with it. */
@Global()
@Module({ providers: SERVICES, exports: SERVICES })
export class OrchestrationModule {}
