import { Controller, Get, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { type Response } from 'express';
import { Public } from '../auth/access.decorator.js';
import { Bare } from '../http/envelope.js';
import { HealthReport, Liveness, Readiness } from './health.dto.js';
import { HealthService } from './health.service.js';

const HEALTHY = {
  status: 'healthy',
  version: '1.0.0',
  timestamp: '2025-11-18T10:00:00.000Z',
  checks: { database: 'ok', redis: 'ok', scheduler: 'ok', workers: 'ok' },
};
const UNHEALTHY = {
  ...HEALTHY,
  status: 'unhealthy',
  checks: { database: 'error', redis: 'ok', scheduler: 'unknown', workers: 'unknown' },
};
const NOT_READY = { status: 'not_ready', checks: { database: 'error', redis: 'ok' } };

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly health: HealthService) {}

  /** Check the stores, the scheduler and the workers */
  @Get()
  @Public()
  @ApiResponse({ status: 200, description: 'The stores work', type: HealthReport, example: HEALTHY })
  @ApiResponse({ status: 503, description: 'A store is away', type: HealthReport, example: UNHEALTHY })
  async getHealth(@Res({ passthrough: true }) res: Response): Promise<Bare> {
    const health = await this.health.check();
    if (health.status === 'unhealthy') res.status(503).setHeader('Retry-After', '2');
    return new Bare(health);
  }

  /** Tell whether the process is alive, whatever the stores do */
  @Get('live')
  @Public()
  @ApiResponse({ status: 200, description: 'It is', type: Liveness, example: { status: 'alive' } })
  getLiveness(): Bare {
    return new Bare({ status: 'alive' });
  }

  /** Tell whether requests can be served */
  @Get('ready')
  @Public()
  @ApiResponse({
    status: 200,
    description: 'They can',
    type: Readiness,
    example: { status: 'ready', checks: { database: 'ok', redis: 'ok' } },
  })
  @ApiResponse({ status: 503, description: 'A store is away', type: Readiness, example: NOT_READY })
  async getReadiness(@Res({ passthrough: true }) res: Response): Promise<Bare> {
    const readiness = await this.health.ready();
    if (readiness.status !== 'ready') res.status(503).setHeader('Retry-After', '2');
    return new Bare(readiness);
  }
}
