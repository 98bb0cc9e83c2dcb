# The KMS key, and the keys that it encrypts.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  name = "gw"
  zip  = "versions.tf" # any file will do
}

run "least" {
  assert {
    condition     = aws_kms_key.secrets[0].enable_key_rotation && aws_kms_key.secrets[0].deletion_window_in_days == 30 && aws_kms_alias.secrets[0].name == "alias/gw"
    error_message = "The key is rotated, and can be had back for 30 days."
  }

  assert {
    condition     = output.kms_uri == "awskms://arn:aws:kms:eu-west-1:123456789012:key/mocked"
    error_message = "The URI is ${output.kms_uri}"
  }

  assert {
    condition     = alltrue([for f in aws_lambda_function.gateway : length(setintersection(keys(f.environment[0].variables), ["EVENT_GATEWAY_SECRET_KEYS", "EVENT_GATEWAY_SECRET_KEYS_KMS"])) == 0])
    error_message = "There are no keys yet, and the gateway refuses to start with the KMS key alone."
  }
}

run "keys" {
  variables {
    secret_keys = "{\"encryptedKeyset\":\"AAAA\"}"
  }

  assert {
    condition = alltrue([for f in aws_lambda_function.gateway : f.environment[0].variables.EVENT_GATEWAY_SECRET_KEYS == "{\"encryptedKeyset\":\"AAAA\"}" &&
    f.environment[0].variables.EVENT_GATEWAY_SECRET_KEYS_KMS == "awskms://arn:aws:kms:eu-west-1:123456789012:key/mocked"])
    error_message = "Both functions have the keys, and the URI of what opens them."
  }
}

run "none" {
  command = plan

  variables {
    kms_key = false
  }

  assert {
    condition     = length(aws_kms_key.secrets) + length(aws_kms_alias.secrets) == 0 && output.kms_uri == null
    error_message = "There is a key."
  }
}
