import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Env } from '@tauro/platform';
import { Authenticated } from '../auth/access.decorator.js';
import { ApiData } from '../http/openapi/decorators.js';
import { setExample } from '../http/openapi/examples.js';
import { DiscoveryService } from '../pipelines/discovery/discovery.service.js';
import { VERSION } from '../version.js';
import { Info } from './info.dto.js';

setExample(Info, {
  name: 'tauro',
  version: VERSION,
  description: 'REST service that orchestrates, executes and monitors data pipelines',
  uptime_seconds: 86_400,
  started_at: '2025-11-17T10:00:00.000Z',
  features: { auth: false, api_docs: true, metrics: true, scheduler: true, cache: true },
  docs: { swagger_ui: '/docs', redoc: '/redoc', openapi: '/openapi.json' },
  discovery: {
    paths: ['examples/pipelines'],
    files: 8,
    pipelines: 8,
    errors: [],
    scanned_at: '2025-11-17T10:00:01.000Z',
  },
});

@ApiTags('info')
@Controller('api/v1/info')
export class InfoController {
  constructor(
    private readonly env: Env,
    private readonly discovery: DiscoveryService,
  ) {}

  /** Name the version, what is switched on and what was discovered */
  @Get()
  @Authenticated('system:read')
  @ApiData(Info)
  getInfo(): Info {
    const { env } = this;
    const docs = (path: string): string | null => (env.ENABLE_API_DOCS ? path : null);
    return {
      name: 'tauro',
      version: VERSION,
      description: 'REST service that orchestrates, executes and monitors data pipelines',
      uptime_seconds: Math.floor(process.uptime()),
      started_at: new Date(Date.now() - process.uptime() * 1000),
      features: {
        auth: env.ENABLE_AUTH,
        api_docs: env.ENABLE_API_DOCS,
        metrics: env.ENABLE_METRICS,
        scheduler: env.SCHEDULER_ENABLED,
        cache: env.CACHE_ENABLED,
      },
      docs: { swagger_ui: docs('/docs'), redoc: docs('/redoc'), openapi: docs('/openapi.json') },
      discovery: this.discovery.report(),
    };
  }
}
