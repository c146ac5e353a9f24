import { Module, type OnApplicationBootstrap } from '@nestjs/common';
import { EngineMetrics, StoreMetrics } from '@tauro/orchestration';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { joinClusterMetrics } from './cluster-metrics.js';
import { MetricsController } from './metrics.controller.js';

/** `/metrics`: this process's own figures and those of the whole deployment. */
@Module({
  imports: [PrometheusModule.register({ path: '/metrics', controller: MetricsController })],
  providers: [EngineMetrics, StoreMetrics],
})
export class MetricsModule implements OnApplicationBootstrap {
  onApplicationBootstrap(): void {
    joinClusterMetrics();
  }
}
