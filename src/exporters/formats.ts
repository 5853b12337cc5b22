/** The formats of an export, by name: what the command line takes and what there are exporters for. */
export const formats = ['json', 'n8n', 'n8n-overwrites', 'dotenv', 'docker-env', 'shell', 'kubernetes'] as const;

export type ExportFormat = (typeof formats)[number];
