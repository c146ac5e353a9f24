import { Controller, Get, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { type Response } from 'express';
import { register } from 'prom-client';
import { Public } from '../auth/access.decorator.js';
import { Bare } from '../http/envelope.js';
import { allMetrics } from './cluster-metrics.js';

const EXAMPLE = `# HELP tauro_active_runs Current number of running pipelines
# TYPE tauro_active_runs gauge
tauro_active_runs 15
`;

@ApiTags('health')
@Controller('metrics')
export class MetricsController {
  /** Metrics in Prometheus' text format, of all API processes of this host together */
  @Get()
  @Public()
  @ApiResponse({
    status: 200,
    description: 'Prometheus text format',
    content: { 'text/plain': { schema: { type: 'string' }, example: EXAMPLE } },
  })
  async getMetrics(@Res({ passthrough: true }) res: Response): Promise<Bare> {
    res.setHeader('Content-Type', register.contentType);
    return new Bare(await allMetrics());
  }
}
