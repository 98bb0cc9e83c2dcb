# The table is as docs/stores.md wants it.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  name = "gw"
  zip  = "versions.tf" # any file will do
}

run "least" {
  command = plan

  assert {
    condition = (aws_dynamodb_table.config[0].name == "gw" && aws_dynamodb_table.config[0].hash_key == "realm" && aws_dynamodb_table.config[0].range_key == "key" &&
    { for a in aws_dynamodb_table.config[0].attribute : a.name => a.type } == { realm = "S", key = "S" })
    error_message = "The keys are realm and key, both strings."
  }

  assert {
    condition     = aws_dynamodb_table.config[0].ttl[0].attribute_name == "expires" && aws_dynamodb_table.config[0].ttl[0].enabled
    error_message = "Entries of the log expire."
  }

  assert {
    condition     = aws_dynamodb_table.config[0].billing_mode == "PAY_PER_REQUEST" && aws_dynamodb_table.config[0].point_in_time_recovery[0].enabled && aws_dynamodb_table.config[0].deletion_protection_enabled
    error_message = "The table costs what is used, can be restored, and is not deleted by mistake."
  }

  assert {
    condition     = !aws_dynamodb_table.config[0].server_side_encryption[0].enabled
    error_message = "AWS's own key encrypts the table."
  }
}

run "aws_managed" {
  command = plan

  variables {
    table_encryption    = "aws_managed"
    deletion_protection = false
  }

  assert {
    condition     = aws_dynamodb_table.config[0].server_side_encryption[0].enabled && !aws_dynamodb_table.config[0].deletion_protection_enabled
    error_message = "The key alias/aws/dynamodb encrypts the table, and it can be deleted."
  }
}

run "module_key" {
  variables {
    table_encryption = "module_key"
  }

  assert {
    condition     = aws_dynamodb_table.config[0].server_side_encryption[0].kms_key_arn == aws_kms_key.secrets[0].arn
    error_message = "The module's key encrypts the table."
  }
}

run "own_store" {
  command = plan

  variables {
    store_url = "consul://10.0.0.1:8500/gw"
  }

  assert {
    condition     = length(aws_dynamodb_table.config) == 0 && output.table == null && aws_lambda_function.gateway["events"].environment[0].variables.EVENT_GATEWAY_STORE == "consul://10.0.0.1:8500/gw"
    error_message = "There is no table."
  }
}
