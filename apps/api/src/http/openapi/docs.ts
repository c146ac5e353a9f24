import { type NestExpressApplication } from '@nestjs/platform-express';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { DomainError } from '@tauro/domain';
import { type Application } from 'express';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { openApiDocument } from './document.js';

/** Put there by the build, so that the page needs no other server. */
const REDOC_BUNDLE = resolve(__dirname, '../../../../../assets/redoc.standalone.js');

const REDOC_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Tauro API</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <style>body { margin: 0 }</style>
  </head>
  <body>
    <redoc spec-url="/openapi.json"></redoc>
    <script src="/redoc/redoc.standalone.js"></script>
  </body>
</html>
`;

/** Serves `/openapi.json`, Swagger UI at `/docs` and ReDoc at `/redoc`; the document is made when first asked for. */
export function setUpDocs(app: NestExpressApplication): void {
  let document: OpenAPIObject | undefined;
  const once = (): OpenAPIObject => (document ??= openApiDocument(app));
  SwaggerModule.setup('docs', app, once, {
    jsonDocumentUrl: 'openapi.json',
    customSiteTitle: 'Tauro API',
    swaggerOptions: { displayRequestDuration: true },
  });
  const http = app.getHttpAdapter().getInstance() as Application;
  http.get('/redoc', (_req, res) => {
    res.type('html').send(REDOC_PAGE);
  });
  http.get('/redoc/redoc.standalone.js', (_req, res, next) => {
    if (existsSync(REDOC_BUNDLE)) res.sendFile(REDOC_BUNDLE);
    else next(new DomainError('NOT_FOUND', 'The ReDoc bundle is missing from the build: run npm run build'));
  });
}
