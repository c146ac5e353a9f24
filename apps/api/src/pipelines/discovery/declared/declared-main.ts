// jiti emits design-time metadata beside every decorator and breaks the decorators where nothing takes it.
import 'reflect-metadata';
import { loadDeclaredPipelines } from '@tauro/handlers';
import { serve } from '@tauro/processes';

/* The process in which the code of users tells its pipelines: see `readDeclared`, which starts it. */

serve<object, { file: string }>({
  load: () => Promise.resolve(),
  async run({ file }, context) {
    // The time that it may take counts from here.
    context.log('DEBUG', 'loads');
    return JSON.stringify(await loadDeclaredPipelines(file));
  },
});
