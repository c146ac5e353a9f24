import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { StatisticsService } from '@tauro/orchestration';
import { Authenticated } from '../auth/access.decorator.js';
import { WithMeta } from '../http/envelope.js';
import { ApiData } from '../http/openapi/decorators.js';
import { META_EXAMPLE, setExample } from '../http/openapi/examples.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { SINCE, type Since } from './since.js';
import { CachedMeta, DeploymentStatistics } from './statistics.dto.js';

setExample(CachedMeta, { cache_age_seconds: 3, ...META_EXAMPLE });
setExample(DeploymentStatistics, {
  total_projects: 25,
  total_pipelines: 103,
  total_runs: 15420,
  runs_by_state: { SUCCESS: 14876, FAILED: 321, RUNNING: 15, PENDING: 208 },
  average_duration_seconds: 3245,
  success_rate: 0.96,
});

@ApiTags('statistics')
@Controller('api/v1/statistics')
export class StatisticsController {
  constructor(private readonly statistics: StatisticsService) {}

  /** Get figures over all projects; cached, `meta.cache_age_seconds` says for how long by now */
  @Get()
  @Authenticated('statistics:read', { deployment: true })
  @ApiData(DeploymentStatistics, 200, { meta: CachedMeta })
  async getStatistics(@QueryOf(SINCE) { since }: Since) {
    const { data, ageSeconds } = await this.statistics.overall(since);
    return new WithMeta(data, { cache_age_seconds: ageSeconds });
  }
}
