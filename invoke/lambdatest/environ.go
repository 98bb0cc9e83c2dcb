package lambdatest

import "os"

// environ is what Lambda sets, as far as processes look at it.
func (p *process) environ() []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + p.api.addr(),
		"AWS_LAMBDA_FUNCTION_NAME=" + p.f.name,
		"AWS_LAMBDA_FUNCTION_VERSION=" + version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + p.f.name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + p.api.addr(),
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=lambdatest",
		"AWS_SECRET_ACCESS_KEY=lambdatest",
		"AWS_SESSION_TOKEN=lambdatest",
		"_HANDLER=bootstrap",
		"LAMBDA_TASK_ROOT=" + p.f.Dir,
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + os.TempDir(),
		"TMPDIR=" + os.TempDir(),
	}
}
