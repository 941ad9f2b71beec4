import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { VALIDATE_AGAINST_DEFAULT_RULES } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import * as z from 'zod';

export interface Strictness {
  /**
   * CDK's own rules, too, and no finding is let pass, not even a warning. They take three of five seconds, so
   * `npm run check` asks for them once.
   */
  strict: boolean;
}

/** An app whose stacks stand under the rules of cdk-nag. CDK puts what comes of it where `CDK_OUTDIR` says. */
export function ruledApp({ strict }: Strictness): App {
  const app = new App({
    builtinCloudFormationValidation: strict,
    context: { [VALIDATE_AGAINST_DEFAULT_RULES]: true },
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

const reportSchema = z.object({
  pluginReports: z.array(
    z.object({ violations: z.array(z.object({ ruleName: z.string(), description: z.string() })) }),
  ),
});

/**
 * Writes the templates, and prints what breaks a rule.
 *
 * @throws an Error where a rule is broken; with `strict` also for a warning, which CDK lets pass.
 */
export function synthesise(app: App, { strict }: Strictness): void {
  const { directory } = app.synth();
  if (!strict) return;
  const { pluginReports } = reportSchema.parse(
    JSON.parse(readFileSync(join(directory, 'validation-report.json'), 'utf8')),
  );
  const broken = pluginReports.flatMap(({ violations }) => violations);
  if (broken.length === 0) return;
  const lines = broken.map(({ ruleName, description }) => `  - ${ruleName}: ${description}`);
  throw new Error(`The template breaks rules:\n${lines.join('\n')}`);
}
